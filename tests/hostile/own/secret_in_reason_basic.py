# attacks: a secret inside base64 of something longer, in an error
# expect: error
# says: RuntimeError: Basic dXNlcjp•••
from gateway.toolbox import encode_base64


def transform(request, context):
    raise RuntimeError("Basic " + encode_base64("user:" + context.secrets["signing_secret"] + ":tail"))
