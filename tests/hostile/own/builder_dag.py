# attacks: a builder that copies a value which refers to itself many times over
# expect: error killed
from gateway.toolbox import upsert_contact


def transform(request, context):
    branch = {"a": 1}
    for _ in range(64):
        branch = {"a": branch, "b": branch}
    yield upsert_contact(identifiers={"email": "a@example.com"}, attributes=branch)
