# attacks: a generator of actions that catches its own end and goes on
# expect: error killed
# says: limit: 1000 actions|limit: cpu
def transform(request, context):
    while True:
        try:
            yield {"n": 1}
        finally:
            yield {"n": 2}
