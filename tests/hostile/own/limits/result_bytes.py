# attacks: gateway, queue and database, with a result of very nearly 1 MiB
# expect: ok
# says: "status":"applied"
def transform(request, context):
    text = "x" * ((1 << 20) - 200)
    yield {"action": "upsertContact", "identifiers": {"email": "big@example.com"}, "attributes": {"text": text}}
