# attacks: the temporary names of the rewriting, in classes, loops, lambdas and generators
# expect: ok
# says: "n":6,"names":\["d"\]
class Counter:
    d = {"n": 1}
    d["n"] += 1


def steps():
    held = {"n": 0}
    for _ in range(2):
        held["n"] += yield held["n"]
    yield held["n"]


def transform(request, context):
    running = steps()
    next(running)
    running_total = Counter.d
    running_total["n"] *= 3
    return [{"n": running_total["n"], "names": ["d"]}]
