# attacks: the machine's memory, up to what a request may take
# expect: ok
# says: "status":"applied"
def transform(request, context):
    kept = bytes(60 * 1024 * 1024)
    yield {"action": "upsertContact", "identifiers": {"email": "large@example.com"}, "attributes": {"n": len(kept)}}
