"""Keys: API keys, for programs what accounts are for people. A key is shown once, when it is made."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.operations import keys
from gateway.operations.sources import list_sources

section = Section("keys", under="people")

ROLES = {
    "sender": "posts actions and reads the status of its own events",
    "viewer": "reads, never posts",
    "integrator": "also scripts, secrets, pause, replay, discard",
    "admin": "everything",
}


@section.get("/keys", role=Role.ADMIN)
async def index(visit: Visit) -> Response:
    names = [source["name"] for source in await list_sources(visit.op) if source["state"] != "removed"]
    found = sorted(await keys.list_keys(visit.op), key=lambda key: (key["revoked_at"] is not None, key["name"].lower()))
    return visit.show("keys/index.html", keys=found, roles=ROLES, sources=names)


@section.post("/keys", role=Role.ADMIN, form="keys:index")
async def create(visit: Visit) -> Response:
    form = visit.form
    name, role = form.text("name", needed="Who uses it, and where?"), form.choice("role", keys.ROLES)
    form.settle()
    return visit.show("keys/created.html", key=await keys.create_key(visit.op, name, role, form.many("sources")))


@section.post("/keys/{key_id}/revoke", role=Role.ADMIN, form="keys:index")
async def revoke(visit: Visit) -> Response:
    await keys.revoke_key(visit.op, visit.params["key_id"])
    return visit.go(visit.url("keys:index"), "Revoked: every gateway refuses it from now on.")
