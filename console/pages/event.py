"""Event: one of them, from the request to what it changed, and what can be done with it."""

import asyncio
import base64
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from console.access import Role
from console.life import advise, explain_waiting, tell
from console.pages.events import load_reached
from console.section import Section
from console.texts import pretty
from console.visit import Visit
from gateway.errors import NotFound
from gateway.operations.action_rows import action_rows
from gateway.operations.discard import discard_event
from gateway.operations.editing import bookmark_event, edit_and_replay, load_typed, write_curl
from gateway.operations.family import load_family
from gateway.operations.replay import replay_event
from gateway.operations.requests import show_request
from gateway.operations.scripts import find_version_number
from gateway.operations.timeline import load_event_effects
from gateway.operations.trial_requests import read_headers
from gateway.operations.typed import Typed

section = Section("events", under="events", order=31)  # after the fixed addresses of the list

# A page with more would not scroll any more, and be in everybody's way while it is drawn; it leads to the whole.
BODY_SHOWN = 50_000
EDITED_CHARACTERS_MAX = 10 * 1024 * 1024
DISCARDABLE = ("failed", "waiting", "held")


@section.get("/events/{event_id}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    return await _show(visit, is_raw=False)


@section.get("/events/{event_id}/raw", role=Role.INTEGRATOR)
async def raw(visit: Visit) -> Response:
    """Show it with nothing masked: for who may read secrets of the sender, and asks for it."""
    return await _show(visit, is_raw=True)


async def _show(visit: Visit, *, is_raw: bool) -> Response:
    event = await _load(visit)
    if "created_at" not in event:
        return visit.show("events/queued.html", event=event)
    family = await load_family(visit.op, event)
    effects = await load_event_effects(visit.op, event["id"], is_alone=visit.sources is not None)
    request, gone = await _request(visit, event["id"], is_raw=is_raw)
    return visit.show(
        "events/show.html",
        event=event,
        family=family,
        steps=tell(event, family),
        advice=advise(event),
        waits=explain_waiting(event),
        request=request,
        gone=gone,
        is_raw=is_raw,
        rows=action_rows(event["actions"]),
        actions_count=len(event["actions"]) if isinstance(event["actions"], list) else 0,
        effects=effects,
        people=[_person(line["contact"]) for line in effects["lines"]],
        number=await find_version_number(visit.op, event["version_id"] or ""),
        can_be_discarded=event["status"] in DISCARDABLE,
        body_shown=BODY_SHOWN,
    )


async def _load(visit: Visit) -> dict[str, Any]:
    return await load_reached(visit, visit.params["event_id"])


async def _request(visit: Visit, event_id: str, *, is_raw: bool) -> tuple[dict[str, Any] | None, str]:
    """Give the request, or why it is gone."""
    try:
        return await show_request(visit.op, event_id, is_raw=is_raw), ""
    except NotFound as error:
        return None, error.detail


def _person(shown: dict[str, str] | None) -> dict[str, str] | None:
    """Name a contact by what it goes by, with the address of its page."""
    if not shown:
        return None
    key = next((key for key in ("email", "customId", "phone") if key in shown), min(shown))
    return {"label": f"{key}: {shown[key]}", "url": f"/contacts/{quote(f'{key}:{shown[key]}', safe=':')}"}


@section.get("/events/{event_id}/curl", role=Role.VIEWER)
async def curl(visit: Visit) -> Response:
    event = await _load(visit)
    return visit.show("events/curl.html", event=event, command=await write_curl(visit.op, event["id"]))


@section.get("/events/{event_id}/body", role=Role.INTEGRATOR)
async def body(visit: Visit) -> Response:
    """Give the very bytes that came in, as a file: never as a page of ours."""
    event = await _load(visit)
    request = await show_request(visit.op, event["id"], is_raw=True)
    headers = {"Content-Disposition": f'attachment; filename="{event["root"]}.body"'}
    content = base64.b64decode(request["body_base64"])
    return Response(content, media_type="application/octet-stream", headers=headers)


@section.get("/events/{event_id}/text", role=Role.VIEWER)
async def text(visit: Visit) -> Response:
    """Give the whole body as the page begins to show it: masked, and never as a page of ours."""
    event = await _load(visit)
    request = await show_request(visit.op, event["id"])
    return Response(request["body"], media_type="text/plain")


@section.get("/events/{event_id}/actions", role=Role.VIEWER)
async def actions(visit: Visit) -> Response:
    """Give all actions, as the page begins to show them."""
    event = await _load(visit)
    return Response(pretty(event.get("actions") or []), media_type="application/json")


@section.post("/events/{event_id}/bookmark", role=Role.INTEGRATOR, form="events:show")
async def bookmark(visit: Visit) -> Response:
    event = await _load(visit)
    is_on = visit.form.flag("is_on")
    await bookmark_event(visit.op, event["id"], is_on=is_on)
    return _back(visit, "Bookmarked: the filter of events finds it." if is_on else "No longer bookmarked.")


@section.post("/events/{event_id}/replay", role=Role.INTEGRATOR, form="events:show")
async def replay(visit: Visit) -> Response:
    event = await _load(visit)
    replay_id = await replay_event(visit.op, event["id"])
    return visit.go(
        visit.url("events:show", event_id=replay_id), "Taken again with the live script: this is the replay."
    )


@section.post("/events/{event_id}/discard", role=Role.INTEGRATOR, form="events:show")
async def discard(visit: Visit) -> Response:
    event = await _load(visit)
    reason = visit.form.text("reason", needed="Say why: somebody will want to know.")
    visit.form.settle()
    with visit.form.about("reason"):
        await discard_event(visit.op, event["id"], reason)
    return _back(visit, "Discarded: it will not be applied. It can still be replayed.")


@section.get("/events/{event_id}/edit", role=Role.INTEGRATOR)
async def edit(visit: Visit) -> Response:
    """Show the form: masked as everywhere, and raw for who asks for it."""
    event = await _load(visit)
    return visit.show("events/edit.html", event=event, typed=await _typed(visit), is_raw=_is_raw(visit))


async def _typed(visit: Visit) -> Typed:
    return await load_typed(visit.op, visit.params["event_id"], is_raw=_is_raw(visit))


def _is_raw(visit: Visit) -> bool:
    return visit.asked("raw") == "on"


@section.post("/events/{event_id}/edit", role=Role.INTEGRATOR, form="events:edit")
async def send(visit: Visit) -> Response:
    """Send the copy. What was not touched stays as it is, to the byte."""
    event, before, form = await _load(visit), await _typed(visit), visit.form
    if form.text("masked_as") != before.masked_as:
        form.refuse("", "What is masked has changed since the form was opened: open it again.")
    body = form.raw("body", characters_max=EDITED_CHARACTERS_MAX)
    headers, query = form.raw("headers", characters_max=100_000), form.text("query", characters_max=20_000)
    form.settle()
    with form.about("body"):
        new_body = await asyncio.to_thread(before.read_body, body)
    with form.about("headers"):
        lines = before.read_headers(headers)
        pairs = None if lines is None else read_headers(lines)
    with form.about("query"):
        new_query = before.read_query(query)
    with form.about(""):
        copy = await edit_and_replay(visit.op, event["id"], body=new_body, headers=pairs, query=new_query)
    said = f"Sent as a new event, linked to {event['id']}."
    return visit.go(visit.url("events:show", event_id=copy["id"]), said)


def _back(visit: Visit, said: str) -> Response:
    return visit.go(visit.url("events:show", event_id=visit.params["event_id"]), said)
