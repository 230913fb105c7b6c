# attacks: 1 MiB of tiny values, each of which would be a fault of its own for the gateway to write down
# expect: killed
# says: limit: 50000 values in the actions
def transform(request, context):
    return [{"action": "upsertOrder", "items": [{}] * 300_000}]
