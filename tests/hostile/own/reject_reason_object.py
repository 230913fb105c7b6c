# attacks: an early end whose reason is not a text but an object that shows a secret
# expect: error
# says: TypeError: reason must be str, not
from gateway.toolbox import Reject


class Loud(Exception):
    pass


def transform(request, context):
    raise Reject(Loud(context.secrets["signing_secret"]))
