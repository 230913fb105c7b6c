# attacks: a log that would drive the terminal of whoever reads it
# expect: ok
# says: \\\\x1b\[31m
def transform(request, context):
    context.log("\x1b[31m\x07\x9b\u202e")
    return [{"n": 1}]
