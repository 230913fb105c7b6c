# attacks: a magic method that is not among those allowed
# expect: reject
# says: invalid variable name because it starts with "_"
class Hooked:
    def __getattribute__(self, name):
        return "PWNED"


def transform(request, context):
    return [{"n": Hooked().x}]
