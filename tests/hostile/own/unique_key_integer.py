# attacks: a delivery's key that is an integer of 4,000 digits
# expect: ok
# body: b'{"id": ' + b"9" * 4000 + b'}'
# unique_by: json:id
# occurred_at: json:id
# says: "unique_key":null.*"occurred_at":null
def transform(request, context):
    return [{"n": 1}]
