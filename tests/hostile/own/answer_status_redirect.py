# attacks: a status that sends a browser elsewhere, computed past a bool and a huge integer
# expect: ok
# says: "refused":4
from gateway.toolbox import Answer


def transform(request, context):
    refused = 0
    for status in (302, True, 10**5000, "200"):
        try:
            raise Answer("x", status=status, headers={"location": "https://example.org"})
        except (ValueError, TypeError):
            refused += 1
    return [{"refused": refused}]
