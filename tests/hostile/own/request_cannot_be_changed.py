# attacks: the request, its headers, the context and the secrets, written to in every way
# expect: ok
# says: "refused":7
def transform(request, context):
    refused = 0
    ways = [
        lambda: set_body(request),
        lambda: set_header(request),
        lambda: set_secret(context),
        lambda: set_log(context),
    ]
    ways += [lambda: add_header(request), lambda: drop(request), lambda: set_function()]
    for way in ways:
        try:
            way()
        except (TypeError, KeyError):
            refused += 1
    return [{"refused": refused}]


def set_body(request):
    request.body = b""


def set_header(request):
    request.headers["x-topic"] = "other"


def set_secret(context):
    context.secrets["signing_secret"] = "known"


def set_log(context):
    context.log = print


def add_header(request):
    request.headers["x"] += "y"


def drop(request):
    del request.json


def set_function():
    transform.calls = 1
