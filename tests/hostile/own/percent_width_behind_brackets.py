# attacks: a huge width in % formatting, behind a key with brackets in it
# expect: error
# says: ValueError: a width in % formatting
def transform(request, context):
    return [{"x": "%(a(b)c)999999999d" % {"a(b)c": 1}}]
