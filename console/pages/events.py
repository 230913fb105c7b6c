"""Events: what came in, newest first, found by anything that is known of it; live while one looks."""

from typing import Any

from starlette.responses import Response, StreamingResponse

from console.access import Role
from console.filtering import Asked, read_asked
from console.section import Section
from console.visit import Visit
from gateway.errors import BadRequest, HookwrightError, NotFound, OperatorError
from gateway.event import Lane, Status
from gateway.operations.discard import checked_reason, discard_event
from gateway.operations.downloading import Form, download_events
from gateway.operations.events import load_event
from gateway.operations.filters import list_filters, remove_filter, save_filter
from gateway.operations.replay import replay_event
from gateway.operations.searching import PAGE, search_events
from gateway.operations.sources import list_sources

section = Section("events", title="Events", order=30, key="e")

_NOTHING: dict[str, Any] = {
    "events": [],
    "next": None,
    "scanned": 0,
    "unread": 0,
    "reached_at": None,
    "is_complete": True,
}
_TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


@section.get("/events", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    asked, before = read_asked(visit.request.query_params), visit.asked("before")
    found, fault = await _search(visit, asked, before)
    is_payload = bool(asked["text"] or asked["path"])
    return visit.show(
        "events/index.html",
        asked=asked,
        fault=fault,
        found=found,
        missing=max(0, (visit.asked_number("missing") or PAGE) - len(found["events"])),
        is_first=not before,
        # A payload is looked for in two seconds a page: not again and again.
        can_be_live=not before and not fault and not is_payload and found["is_complete"],
        is_live=visit.asked("live") != "off",
        statuses=[status for status in Status if status is not Status.QUEUED],  # those are not stored yet
        lanes=list(Lane),
        sources=await _names(visit),
        filters=await list_filters(visit.op),
    )


async def _search(visit: Visit, asked: Asked, before: str) -> tuple[dict[str, Any], str]:
    """Give what is found, or what is wrong with the search."""
    try:
        chosen = asked.read(visit.sources)
        limit = min(visit.asked_number("missing") or PAGE, PAGE)
        found = await search_events(visit.op, chosen, before=before, limit=limit, is_raw=visit.may("events:raw"))
        return found, ""
    except (OperatorError, BadRequest) as error:
        visit.status = 400
        return _NOTHING, error.detail


async def _names(visit: Visit) -> list[str]:
    """Give the sources that one may look for; what is posted to the action API has one of its own."""
    names = [source["name"] for source in await list_sources(visit.op)]
    return sorted(name for name in {*names, "api"} if visit.sources is None or name in visit.sources)


@section.get("/events/download/{form}", role=Role.VIEWER)
async def download(visit: Visit) -> Response:
    form = visit.params["form"]
    if form not in _TYPES:
        raise NotFound("events are downloaded as csv or as ndjson")
    chosen = read_asked(visit.request.query_params).read(visit.sources)
    lines = download_events(visit.op, chosen, form, is_raw=visit.may("events:raw"))
    headers = {"Content-Disposition": f'attachment; filename="events.{form}"'}
    return StreamingResponse(lines, media_type=_TYPES[form], headers=headers)


@section.post("/events/filters", role=Role.VIEWER, form="events:index")
async def keep(visit: Visit) -> Response:
    asked = read_asked(visit.request.query_params)
    name = visit.form.text("name", needed="Give the search a name.")
    visit.form.settle()
    with visit.form.about("name"):
        await save_filter(visit.op, name, asked.link("").removeprefix("?"))
    return visit.go(asked.link(), f"Kept as {name}: it is above the list from now on.")


@section.post("/events/filters/remove", role=Role.VIEWER, form="events:index")
async def forget(visit: Visit) -> Response:
    name = visit.form.text("name", needed="Which one?")
    visit.form.settle()
    await remove_filter(visit.op, name)
    return visit.go(read_asked(visit.request.query_params).link(), f"{name} is no longer kept.")


@section.post("/events/selected/replay", role=Role.INTEGRATOR, form="events:index")
async def replay_selected(visit: Visit) -> Response:
    queued, roots, refused = 0, set[str](), list[str]()
    for event_id in _selected(visit):
        try:
            event = await load_reached(visit, event_id)
            if event.get("root") not in roots:  # two events of one request are taken again once
                await replay_event(visit.op, event_id)
                queued += 1
            roots.add(event.get("root", event_id))
        except HookwrightError as error:
            refused.append(error.detail)
    said = f"{queued} queued to be taken again with the live script."
    return _back(visit, said, refused)


@section.post("/events/selected/discard", role=Role.INTEGRATOR, form="events:index")
async def discard_selected(visit: Visit) -> Response:
    done, refused, reason = 0, list[str](), visit.form.text("reason")
    checked_reason(reason)
    for event_id in _selected(visit):
        try:
            await load_reached(visit, event_id)
            await discard_event(visit.op, event_id, reason)
            done += 1
        except HookwrightError as error:
            refused.append(error.detail)
    return _back(visit, f"{done} discarded.", refused)


def _selected(visit: Visit) -> list[str]:
    chosen = visit.form.many("event")[:PAGE]
    if not chosen:
        visit.form.refuse("", "Tick the events first.")
    return chosen


def _back(visit: Visit, said: str, refused: list[str]) -> Response:
    not_done = f" {len(refused)} could not be: {refused[0]}" if refused else ""
    link = read_asked(visit.request.query_params).link()
    return visit.go(link, said + not_done, is_bad=bool(refused))


async def load_reached(visit: Visit, event_id: str) -> dict[str, Any]:
    """Give an event, also one that is still queued; one of a source that the person may not see is not there."""
    event = await load_event(visit.op, event_id)
    if not visit.who.reaches(event["source"] or ""):
        raise NotFound(f"there is no event {event_id}")
    return event


@section.finder(role=Role.VIEWER)
async def find(visit: Visit, text: str) -> str | None:
    if not text.startswith("evt_"):
        return None
    try:
        await load_reached(visit, text)
    except NotFound:
        return None
    return visit.url("events:show", event_id=text)
