# attacks: integers over 64 bit, and decimals with an exponent that would fill memory outside
# expect: error
# says: 64-bit range
from gateway.toolbox import upsert_contact


def transform(request, context):
    yield upsert_contact(identifiers={"email": "a@example.com"}, attributes={"n": 10**300})
