# attacks: an integer that Python refuses to read, half a character, a list: what is no key is none
# expect: ok
# body: b'{"id": ' + b"9" * 5000 + b', "at": "\\ud800"}'
# unique_by: json:id|json:at|json:0.1.2|header:x-nothing
# occurred_at: json:at|json:id
# says: "unique_key":null.*"occurred_at":null
def transform(request, context):
    return [{"n": 1}]
