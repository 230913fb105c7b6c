# attacks: the gateway that checks, with nearly as many values as a result may have, and faults in each
# expect: ok
# says: "status":"failed","stage":"validate","reason":"/0
def transform(request, context):
    return [{"action": "upsertOrder", "items": [{}] * 990}] * 50
