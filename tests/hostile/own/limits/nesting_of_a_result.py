# attacks: everybody who reads JSON, with an attribute as deep as a script can write it
# expect: ok
# says: "status":"failed","stage":"validate","reason":"Invalid JSON: recursion limit
def transform(request, context):
    deep = []
    for _ in range(245):
        deep = [deep]
    yield {"action": "upsertContact", "identifiers": {"email": "deep@example.com"}, "attributes": {"deep": deep}}
