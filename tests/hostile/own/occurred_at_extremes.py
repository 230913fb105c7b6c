# attacks: times at the ends of the calendar, in a zone that leads out of it
# expect: ok
# body: {"at": "9999-12-31T23:59:59-23:59", "b": "0001-01-01T00:00:00+23:59", "c": 1e300, "d": -1e20, "e": "1e400"}
# occurred_at: json:at|json:b|json:c|json:d|json:e
# says: "occurred_at":null
def transform(request, context):
    return [{"n": 1}]
