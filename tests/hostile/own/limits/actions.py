# attacks: the worker, with as many actions as a request may have
# expect: ok
# says: "status":"applied"
def transform(request, context):
    for number in range(1000):
        yield {"action": "upsertContact", "identifiers": {"email": f"one-of-many-{number}@example.com"}}
