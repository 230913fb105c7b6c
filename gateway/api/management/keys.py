"""Keys: make, list, revoke. Takes an admin's key of every source: another could make itself a wider one."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_RULE, PAGED, Call, Group, page
from gateway.errors import NotFound, OperatorError
from gateway.operations import keys

group = Group("keys", "API keys: shown once, stored as a hash, revoked within a second.")


@group.takes("GET", "/api/keys", roles=MAY_RULE, answer=answers.Keys, parameters=PAGED)
async def list_keys(call: Call) -> Any:
    """List the keys, also revoked ones, with when each was used last."""
    call.require_every_source()
    return page(await keys.list_keys(call.op), "id", call, "keys")


@group.takes(
    "POST",
    "/api/keys",
    roles=MAY_RULE,
    body=bodies.CreateKey,
    answer=answers.NewKey,
    status=201,
    errors=[OperatorError, NotFound],
)
async def create_key(call: Call) -> Any:
    """Make a key. It is in this answer and never again."""
    call.require_every_source()
    return await keys.create_key(call.op, call.body.name, call.body.role, call.body.sources)


@group.takes("DELETE", "/api/keys/{key_id}", roles=MAY_RULE)
async def revoke_key(call: Call) -> Any:
    """End a key in every running gateway."""
    call.require_every_source()
    await keys.revoke_key(call.op, call.named("key_id"))
