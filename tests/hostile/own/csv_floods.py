# attacks: rows and cells without end, one cell of megabytes, quotes that never close
# expect: ok
# says: "refused":5
from gateway.toolbox import parse_csv


def transform(request, context):
    refused = 0
    for text in ("a\n" * 100_001, "," * 1_000_001, '"' + "x" * 200_000 + '"', '"never closed', "a,a\n1,2"):
        try:
            parse_csv(text)
        except ValueError:
            refused += 1
    return [{"refused": refused}]
