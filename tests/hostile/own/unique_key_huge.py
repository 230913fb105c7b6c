# attacks: a delivery's key of a million characters, and one that is a huge integer
# expect: ok
# body: {"id": "k" * 900000}
# unique_by: json:id
# says: "unique_key":"[^"]*sha256:[0-9a-f]{64}"
def transform(request, context):
    return [{"n": 1}]
