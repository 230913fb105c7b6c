# attacks: an answer far over 64 KiB
# expect: error
# says: ValueError: an answer may have 65536 bytes, this one has 2000000
from gateway.toolbox import Answer


def transform(request, context):
    raise Answer("x" * 2_000_000)
