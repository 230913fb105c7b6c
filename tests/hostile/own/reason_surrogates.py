# attacks: half characters and control characters in a reason
# expect: error
# says: ValueError: \?\\\\x1b\[2J
def transform(request, context):
    raise ValueError("\ud800\x1b[2J\u2028")
