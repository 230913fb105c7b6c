# attacks: amounts written so that reading them costs memory
# expect: ok
# says: "refused":9
from gateway.toolbox import money


def transform(request, context):
    refused = 0
    for value in ("1e999999999", "9" * 81, 10**400, float("inf"), float("nan"), "1E+5", "٣", True, [1]):
        try:
            money(value)
        except (ValueError, TypeError):
            refused += 1
    return [{"refused": refused}]
