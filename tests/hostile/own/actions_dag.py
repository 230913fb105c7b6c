# attacks: an action that is small in memory and endless when it is written
# expect: error killed
def transform(request, context):
    branch = {"a": 1}
    for _ in range(64):
        branch = {"a": branch, "b": branch}
    return [branch]
