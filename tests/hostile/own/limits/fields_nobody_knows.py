# attacks: the gateway that checks, with tens of thousands of fields that no action has
# expect: ok
# says: "status":"failed","stage":"validate","reason":"/0
def transform(request, context):
    fields = {f"field{n}": n for n in range(40_000)}
    return [{"action": "upsertContact", "identifiers": {"email": "a@example.com"}, **fields}]
