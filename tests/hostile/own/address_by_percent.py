# attacks: the address of an object by every conversion of % formatting
# expect: error
# says: ValueError: <function transform>
def transform(request, context):
    shown = [
        "%s" % (transform,),
        "%r" % (transform,),
        "%a" % (transform,),
        "%(a)s" % {"a": transform},
        "%s" % transform,
    ]
    shown += [str([transform]), f"{transform!r}", f"{transform}", repr(transform), f"{transform!a:>10}"]
    raise ValueError(" ".join(shown))
