# attacks: a verdict that equals True and is not True
# expect: ok
# says: ^401 [^\n]*\n{"reason":"authenticate gave a Sly, not True"}
class Sly:
    def __eq__(self, other):
        return True


def authenticate(request, context):
    return Sly()


def transform(request, context):
    return [{"n": "PWNED"}]
