# attacks: the rewriting of x[k] += y: what it evaluates twice, and what it lets through unguarded
# expect: ok
# says: "steps":\["owner","key","value"\],"left":\["refused","refused","refused"\]
def transform(request, context):
    steps, held = [], {"k": 1}

    def note(word, value):
        steps.append(word)
        return value

    note("owner", held)[note("key", "k")] += note("value", 1)
    left = []
    for way in (write_request, write_tuple, write_function):
        try:
            way(request)
        except (TypeError, AttributeError):
            left.append("refused")
    return [{"steps": steps, "left": left, "held": held}]


def write_request(request):
    request.body += b"x"


def write_tuple(request):
    (1, 2)[0] += 1


def write_function(request):
    print.calls += 1
