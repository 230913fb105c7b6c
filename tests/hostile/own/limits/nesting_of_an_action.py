# attacks: everybody who reads JSON, with an attribute as deep as the gateway can read it
# expect: ok
# says: "status":"applied"
def transform(request, context):
    deep = []
    for _ in range(190):
        deep = [deep]
    yield {"action": "upsertContact", "identifiers": {"email": "deep@example.com"}, "attributes": {"deep": deep}}
