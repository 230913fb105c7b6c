# attacks: an early end before the yes that would be kept as a genuine event
# expect: ok
# says: ^401 [^\n]*\n{"reason":"let me in"}
from gateway.toolbox import Ignore


def authenticate(request, context):
    raise Ignore("let me in")


def transform(request, context):
    return [{"n": "PWNED"}]
