# attacks: a verdict that equals True and is not True
# expect: ok
# says: kind='rejected', is_authenticated=False
class Sly:
    def __eq__(self, other):
        return True


def authenticate(request, context):
    return Sly()


def transform(request, context):
    return [{"n": "PWNED"}]
