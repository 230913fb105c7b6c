# attacks: decimals as a way to work for ever, and as a context that the next request shares
# expect: ok error killed
# calls: 2
from gateway.toolbox import money


def transform(request, context):
    big = money("9" * 30)
    value = int(money("7") ** 999_999)
    return [{"n": f"{big:.999f}"[:10], "m": value % 7}]
