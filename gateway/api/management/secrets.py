"""Secrets: name, set, rotate, remove. Values go in and never come out."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, Call, Group
from gateway.errors import OperatorError
from gateway.operations import secrets

group = Group("secrets", "What scripts sign and check with: sealed, write-only.")


@group.takes("GET", "/api/sources/{source}/secrets", roles=MAY_BUILD, answer=answers.Secrets)
async def list_secrets(call: Call) -> Any:
    """Name the secrets, with how old each is; never a value."""
    return {"secrets": await secrets.list_secrets(call.op, call.source)}


@group.takes(
    "PUT",
    "/api/sources/{source}/secrets/{name}",
    roles=MAY_BUILD,
    body=bodies.SecretValue,
    errors=[OperatorError],
)
async def set_secret(call: Call) -> Any:
    """Set a secret, or replace it at once."""
    await secrets.set_secret(call.op, call.source, call.named("name"), call.body.value)


@group.takes(
    "POST",
    "/api/sources/{source}/secrets/{name}/rotate",
    roles=MAY_BUILD,
    body=bodies.SecretValue,
    answer=answers.Rotated,
    errors=[OperatorError],
)
async def rotate_secret(call: Call) -> Any:
    """Rotate a secret: what is signed with the old value is taken for 24 hours more."""
    until = await secrets.rotate_secret(call.op, call.source, call.named("name"), call.body.value)
    return {"previous_until": until}


@group.takes("DELETE", "/api/sources/{source}/secrets/{name}", roles=MAY_BUILD)
async def remove_secret(call: Call) -> Any:
    """Remove a secret: a script that reads it fails from now on."""
    await secrets.remove_secret(call.op, call.source, call.named("name"))
