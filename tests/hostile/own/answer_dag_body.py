# attacks: a body that refers to itself 2^60 times, written as JSON
# expect: error
# says: ValueError: a value of more than 200000 parts or 100 levels
from gateway.toolbox import Answer


def transform(request, context):
    branch = []
    for _ in range(60):
        branch = [branch, branch]
    raise Answer(branch)
