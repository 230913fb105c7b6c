# attacks: actions that were yielded before an answer
# expect: ok
# says: kind='answered', is_authenticated=True, actions=b'\[\]'
from gateway.toolbox import Answer, upsert_contact


def transform(request, context):
    yield upsert_contact(identifiers={"email": "a@example.com"})
    raise Answer("done")
