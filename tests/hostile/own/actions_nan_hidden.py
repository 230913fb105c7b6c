# attacks: numbers that JSON does not have, deep inside, beside a null
# expect: error
# says: inf is not a number in JSON
def transform(request, context):
    return [{"a": [{"b": (None, {"c": [1.5, 10.0**308 * 10]})}]}]
