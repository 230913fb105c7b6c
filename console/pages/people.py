"""People: who may come in, as what, for which sources. They come in by a link that an admin hands them."""

from typing import Any

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.operations import users
from gateway.operations.sources import list_sources
from gateway.operations.users import LINK_SECONDS, ROLES_OF_PEOPLE

section = Section("people", title="People", order=90, key="p")

ROLES = {
    "viewer": "reads everything",
    "integrator": "also writes scripts and secrets, pauses, replays, discards",
    "admin": "also people, keys, limits, retention, erasing",
}


@section.get("/people", role=Role.ADMIN)
async def index(visit: Visit) -> Response:
    people = await users.list_users(visit.op)
    return visit.show("people/index.html", people=people, roles=ROLES, sources=await _sources(visit))


@section.post("/people", role=Role.ADMIN, form="people:index")
async def add(visit: Visit) -> Response:
    form = visit.form
    email, role = form.text("email", needed="Who is it?"), form.choice("role", ROLES_OF_PEOPLE)
    form.settle()
    with form.about("email"):
        user = await users.add_user(visit.op, email, role, form.many("sources"))
    return _hand_over(visit, user, user["link_token"])


@section.get("/people/{user_id}", role=Role.ADMIN)
async def show(visit: Visit) -> Response:
    user = await users.show_user(visit.op, visit.params["user_id"])
    return visit.show("people/show.html", user=user, roles=ROLES, sources=await _sources(visit))


@section.post("/people/{user_id}/role", role=Role.ADMIN, form="people:show")
async def change_role(visit: Visit) -> Response:
    role = visit.form.choice("role", ROLES_OF_PEOPLE)
    visit.form.settle()
    await users.change_role(visit.op, visit.params["user_id"], role, visit.form.many("sources"))
    return _back(visit, "Changed, from their next click on.")


@section.post("/people/{user_id}/link", role=Role.ADMIN, form="people:show")
async def link(visit: Visit) -> Response:
    token = await users.create_link(visit.op, visit.params["user_id"])
    return _hand_over(visit, await users.show_user(visit.op, visit.params["user_id"]), token)


@section.post("/people/{user_id}/disable", role=Role.ADMIN, form="people:show")
async def disable(visit: Visit) -> Response:
    await users.disable_user(visit.op, visit.params["user_id"])
    return _back(visit, "Disabled, and signed out everywhere.")


@section.post("/people/{user_id}/enable", role=Role.ADMIN, form="people:show")
async def enable(visit: Visit) -> Response:
    await users.enable_user(visit.op, visit.params["user_id"])
    return _back(visit, "Enabled: they can sign in again.")


@section.post("/people/{user_id}/remove", role=Role.ADMIN, form="people:show")
async def remove(visit: Visit) -> Response:
    await users.remove_user(visit.op, visit.params["user_id"])
    return visit.go(visit.url("people:index"), "Removed. What they did stays in the audit log.")


@section.finder(role=Role.ADMIN)
async def find(visit: Visit, text: str) -> str | None:
    people = await users.list_users(visit.op)
    found = next((user["id"] for user in people if text.lower() in (user["email"], user["id"].lower())), None)
    return found and visit.url("people:show", user_id=found)


def _back(visit: Visit, said: str) -> Response:
    return visit.go(visit.url("people:show", user_id=visit.params["user_id"]), said)


def _hand_over(visit: Visit, user: dict[str, Any], token: str) -> Response:
    """Show a link, this one time: it is kept nowhere."""
    address = visit.site.settings.effective_console_url + visit.url("signin:welcome", link=token)
    return visit.show("people/link.html", user=user, address=address, minutes=LINK_SECONDS // 60)


async def _sources(visit: Visit) -> list[str]:
    return [source["name"] for source in await list_sources(visit.op) if source["state"] != "removed"]
