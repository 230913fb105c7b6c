# attacks: the gateway that checks and the worker, with a contact of tens of thousands of attributes
# expect: ok
# says: "status":"applied"
def transform(request, context):
    attributes = {f"a{n}": n for n in range(40_000)}
    return [{"action": "upsertContact", "identifiers": {"email": "wide@example.com"}, "attributes": attributes}]
