# attacks: a generator that is still open when the next request begins
# expect: ok
# calls: 3
# forbid: SECRET-OF-REQUEST-1
def tell(secret):
    try:
        while True:
            yield secret
    finally:
        print("closed with", secret)


OPEN = []


def transform(request, context):
    seen = len(OPEN)
    OPEN.append(tell(request.json["secret"]))
    next(OPEN[0])
    return [{"seen": seen}]
