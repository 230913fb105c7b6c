# attacks: an early end before the yes that would be kept as a genuine event
# expect: ok
# says: kind='rejected', is_authenticated=False
from gateway.toolbox import Ignore


def authenticate(request, context):
    raise Ignore("let me in")


def transform(request, context):
    return [{"n": "PWNED"}]
