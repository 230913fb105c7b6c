# attacks: classes derived from what is not meant to be derived from
# expect: ok
# says: "refused":11
from gateway.toolbox import Answer, Context, Ignore, Request, timedelta


def derive(base):
    class Derived(base):
        pass

    return Derived


def transform(request, context):
    refused = 0
    for base in (str, dict, list, int, Request, Context, Answer, Ignore, timedelta, list[int], print):
        try:
            derive(base)
        except TypeError:
            refused += 1
    return [{"refused": refused}]
