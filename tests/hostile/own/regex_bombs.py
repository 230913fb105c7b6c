# attacks: patterns that explode elsewhere, or that need gigabytes
# expect: ok error killed
from gateway.toolbox import find_all, match_text, replace_text

PATTERNS = ["(a+)+$", "(a|aa)+$", "((a{1,100}){1,100}){1,100}", "(?=a)", r"(a)\1", "(" * 900 + ")" * 900, "x" * 2001]


def transform(request, context):
    refused = 0
    for pattern in PATTERNS:
        try:
            match_text(pattern, "a" * 50_000 + "!")
        except ValueError:
            refused += 1
    try:
        find_all("", "x" * 200_000)
    except ValueError:
        refused += 1
    try:
        replace_text("", "x" * 10_000, "y" * 90_000)
    except ValueError:
        refused += 1
    return [{"refused": refused}]
