# attacks: an action of a class of the script's that looks like a dict
# expect: error
# says: action 0 is a Fake, not a dict
class Fake:
    def __init__(self):
        self.n = 0

    def __contains__(self, key):
        self.n += 1
        return self.n > 1


def transform(request, context):
    return [Fake()]
