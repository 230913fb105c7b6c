# attacks: a decimal of few characters and a million digits
# expect: ok error
# says: E\+|not an amount|at most 30 digits|actions
from gateway.toolbox import money


def transform(request, context):
    amount = money("9" * 30)
    for _ in range(15):
        amount = amount * amount
    return [{"action": "upsertContact", "identifiers": {"email": "a@example.com"}, "attributes": {"n": amount}}]
