# attacks: values that hold themselves, deep ones and odd keys, in every function that walks through a value
# expect: ok
# says: "odd":\[\]
from gateway.toolbox import dump_json, flatten, get_path, parse_json, parse_ndjson, search_json, upsert_contact


def ring():
    value = {}
    value["a"] = value
    return value


def deep():
    value = {}
    for _ in range(5000):
        value = {"a": value}
    return value


def transform(request, context):
    odd = []
    values = [ring(), deep(), {1: 2}, {(): {}}, {"a": {"b": transform}}, {"a": request}, {"a": float("nan")}, [ring()]]
    functions = [
        flatten,
        dump_json,
        lambda value: search_json("a", value),
        lambda value: upsert_contact(identifiers=value),
    ]
    for value in values:
        for number, function in enumerate(functions):
            try:
                function(value)
            except (ValueError, TypeError):
                continue
            except Exception as error:
                odd.append(f"{number}: {error}")
    get_path(ring(), "a." * 499 + "a")
    for text in ("[" * 100_000, "[" * 1_000 + "]" * 1_000, "9" * 5_000, '{"a":1e999}', '"\\ud800"', "\ud800", "NaN"):
        for function in (parse_json, parse_ndjson):
            try:
                function(text)
            except (ValueError, TypeError):
                continue
    return [{"odd": odd}]
