# attacks: actions that were yielded before an answer
# expect: ok
# says: ^200 [^\n]*done\n.*"status":"answered".*"is_authenticated":true,"actions":\[\]
from gateway.toolbox import Answer, upsert_contact


def transform(request, context):
    yield upsert_contact(identifiers={"email": "a@example.com"})
    raise Answer("done")
