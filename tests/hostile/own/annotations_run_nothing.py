# attacks: annotations and decorators as places where code runs unguarded
# expect: ok
# says: "n":1
def transform(request: print("PWNED"), context: (1 / 0), *rest: [].__class__) -> 1 / 0:
    value: print("PWNED") = 1
    return [{"n": value}]
