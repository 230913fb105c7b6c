"""Contacts: find a person by any identifier, everything known about one, and which webhook said it.

What is known of a person comes from all sources, so this is for those who may see every one.
"""

import orjson
from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.errors import BadRequest, NotFound
from gateway.operations import erasure
from gateway.operations.contacts import find_contacts
from gateway.operations.events import load_contact
from gateway.operations.timeline import load_identifier_history, load_timeline

section = Section("contacts", title="Contacts", order=50, key="c")


@section.get("/contacts", role=Role.VIEWER, is_of_all=True)
async def index(visit: Visit) -> Response:
    text = visit.asked("q")
    return visit.show("contacts/index.html", text=text, found=await find_contacts(visit.op, text))


@section.get("/contacts/{identifier:path}/export.json", role=Role.ADMIN, is_of_all=True)
async def export(visit: Visit) -> Response:
    document = await erasure.export_person(visit.op, *_named(visit))
    headers = {"Content-Disposition": 'attachment; filename="contact.json"'}
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return Response(body, media_type="application/json", headers=headers)


@section.get("/contacts/{identifier:path}", role=Role.VIEWER, is_of_all=True)
async def show(visit: Visit) -> Response:
    key, value = _named(visit)
    return visit.show(
        "contacts/show.html",
        key=key,
        value=value,
        identifier=f"{key}:{value}",
        contact=await load_contact(visit.op, key, value),
        timeline=await load_timeline(visit.op, key, value, before=visit.asked("before") or None),
        history=await load_identifier_history(visit.op, key, value),
    )


@section.post("/contacts/{identifier:path}/erase", role=Role.ADMIN, form="contacts:show", is_of_all=True)
async def erase(visit: Visit) -> Response:
    key, value = _named(visit)
    if visit.form.text("typed") != f"{key}:{value}":
        visit.form.refuse("typed", f"type {key}:{value} to say that you mean it")
    await erasure.erase_person(visit.op, key, value)
    said = "The worker is erasing: contact, effects and raw requests go; what comes late is dropped."
    return visit.go(visit.url("contacts:index"), said)


@section.finder(role=Role.VIEWER)
async def find(visit: Visit, text: str) -> str | None:
    if visit.sources is not None:
        return None
    exact = [one for one in await find_contacts(visit.op, text) if text.lower() in _names(one["key"], one["value"])]
    return visit.url("contacts:show", identifier=f"{exact[0]['key']}:{exact[0]['value']}") if exact else None


def _names(key: str, value: str) -> tuple[str, str]:
    return value.lower(), f"{key}:{value}".lower()


def _named(visit: Visit) -> tuple[str, str]:
    """Read `key:value` out of the address. Raises NotFound."""
    key, colon, value = visit.params["identifier"].partition(":")
    if not colon:
        raise NotFound("a contact's address ends in key:value, such as /contacts/email:ann@example.com")
    if not key or not value:
        raise BadRequest("both a key and a value are needed")
    return key, value
