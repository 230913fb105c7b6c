# attacks: a decorator that puts something else than a function in the place of transform
# expect: reject
# says: transform must be a function of the script
def swap(function):
    return print


@swap
def transform(request, context):
    return []
