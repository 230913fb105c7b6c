# attacks: requests and contexts that a script makes itself, from objects of its own
# expect: ok
# says: "refused":4
from gateway.toolbox import Context, Request


def transform(request, context):
    refused = 0
    for way in (make_request, make_context, ask_request, derive_request):
        try:
            way()
        except (TypeError, AttributeError):
            refused += 1
    return [{"refused": refused}]


def make_request():
    return Request({"method": transform, "headers": [["a", "b"]], "received_at": 10**30}, "not bytes").method


def make_context():
    return Context("s", "e", {"a": "b"}, {"deep": [[]]}, print)


def ask_request():
    return Request.json


def derive_request():
    class Mine(Request):
        pass

    return Mine
