# attacks: the address of an object, glued together so that only the log would show it
# expect: ok
# says: <function transform>
def transform(request, context):
    print(str(transform), end=" ")
    print([transform], {"a": transform}, (transform,))
    return [{"n": 1}]
