# attacks: a log that never grows, line after line of nothing
# expect: killed ok error
# says: limit: (cpu|wall_clock)|"stage":"validate"
def transform(request, context):
    for _ in range(3_000_000):
        print("", end="")
    return [{"n": 1}]
