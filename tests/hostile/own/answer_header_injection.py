# attacks: a reply's header that ends early and begins another one
# expect: error
# says: ValueError: x-hook-secret must be printable ASCII
from gateway.toolbox import Answer


def transform(request, context):
    raise Answer("ok", headers={"x-hook-secret": "a\r\nset-cookie: session=1"})
