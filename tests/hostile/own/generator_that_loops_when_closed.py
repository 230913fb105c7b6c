# attacks: a generator that works for ever when it is collected, after the answer is made
# expect: killed error
# says: limit: (cpu|wall|1000 actions)
def busy():
    try:
        yield 1
    finally:
        while True:
            pass


def transform(request, context):
    kept = busy()
    next(kept)
    return [{"n": 1}]
