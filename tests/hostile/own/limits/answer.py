# attacks: the sender, with as large an answer as may be given
# expect: ok
# says: ^200 .* x{65536}\n
from gateway.toolbox import Answer


def transform(request, context):
    raise Answer("x" * 65_536)
