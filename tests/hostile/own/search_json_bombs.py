# attacks: expressions without end, deep ones, functions on what does not fit them
# expect: ok
# says: "odd":\[\]
from gateway.toolbox import search_json

EXPRESSIONS = [
    "[" * 500,
    "a" + ".a" * 900,
    "(" * 900 + "a" + ")" * 900,
    "`" + "[" * 900 + "]" * 900 + "`",
    "!" * 1900 + "a",
]
EXPRESSIONS += [
    "sort_by(@, &a)",
    "max_by(@, &@)",
    "join(`1`, @)",
    "sum(@)",
    "to_number('1e400')",
    "to_string(@)",
    "@[::0]",
]
EXPRESSIONS += [
    "map(&map(&@, @), @)",
    "[9999999999999999999999]",
    "reverse(@)",
    "not_null()",
    "&a",
    "\ud800",
    '`"\ud800"`',
    "abs('a')",
]


def transform(request, context):
    odd = []
    for expression in EXPRESSIONS:
        for value in ({"a": [1, "b", None]}, [3, "a", {}], "text", 1.5):
            try:
                search_json(expression, value)
            except (ValueError, TypeError):
                continue
            except Exception as error:
                odd.append(f"{expression[:30]} {value}: {error}")
    return [{"odd": odd}]
