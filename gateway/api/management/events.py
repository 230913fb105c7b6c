"""Events: search, read the raw request, replay, discard, bookmark."""

from typing import Any

from gateway.access import MAY_READ_RAW
from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, PAGED, Call, Group
from gateway.api.operation import Parameter
from gateway.errors import BadRequest, Conflict, OperatorError
from gateway.event import Lane, Status
from gateway.operations.discard import discard_event as discard
from gateway.operations.editing import bookmark_event as bookmark
from gateway.operations.events import load_event
from gateway.operations.replay import replay_event as replay
from gateway.operations.requests import show_request
from gateway.operations.searching import EventFilter, read_filter
from gateway.operations.searching import search_events as search

group = Group("events", "What came in and what became of it.")

FILTER = (
    Parameter("source", "One or several, by commas."),
    Parameter("status", f"One or several, by commas: {', '.join(Status)}."),
    Parameter("since", "An ISO 8601 time, or how long ago: 15m, 2h, 7d."),
    Parameter("until", "The same."),
    Parameter("contact", "key:value of a contact that the event says something of, such as email:ann@example.com."),
    Parameter("text", "Anywhere in the body."),
    Parameter("path", "A place in a JSON body, such as line_items.*.sku."),
    Parameter("value", "What stands at `path`."),
    Parameter("id", "How the id begins."),
    Parameter("unique_key", "By what the sender tells deliveries apart."),
    Parameter("version", "The id of the version that judged it."),
    Parameter("root", "All events of one request."),
    Parameter("issue", "The id of an issue."),
    Parameter("bulk", "The id of a bulk job."),
    Parameter("edited_from", "Copies of this event."),
    Parameter("lane", f"One of {', '.join(Lane)}.", {"type": "string", "enum": list(Lane)}),
    Parameter("bookmarked", "1: only those."),
)
_NAMES = frozenset(parameter.name for parameter in (*FILTER, *PAGED))


def read_chosen(call: Call, asked: dict[str, str]) -> EventFilter:
    """Read a filter, narrowed to what the key reaches. Raises OperatorError, BadRequest for a name that is none."""
    if unknown := sorted(set(asked) - _NAMES):
        raise BadRequest(f'there is no filter "{unknown[0][:64]}"; there are {", ".join(sorted(_NAMES))}')
    return read_filter(asked, reach=call.reach)


async def load_reached(call: Call) -> dict[str, Any]:
    """Give the event of the path; one of a source that the key does not reach is not there."""
    event_id = call.named("event_id")
    event = await load_event(call.op, event_id)
    call.require_reach(event.get("source"), f"there is no event {event_id}")
    return event


@group.takes("GET", "/api/events", answer=answers.Events, parameters=(*FILTER, *PAGED), errors=[OperatorError])
async def search_events(call: Call) -> Any:
    """Search events, newest first.

    What has to be looked for in payloads is looked for until the page is full or two seconds are over; `next` goes on
    from there.
    """
    chosen = read_chosen(call, dict(call.request.query_params))
    is_raw = call.key.role in MAY_READ_RAW
    return await search(call.op, chosen, before=call.asked("after"), limit=call.limit, is_raw=is_raw)


@group.takes(
    "GET",
    "/api/events/{event_id}/request",
    answer=answers.RawRequest,
    parameters=[Parameter("raw", "1: nothing masked, and the bytes as base64; for integrators and admins.")],
)
async def show_event_request(call: Call) -> Any:
    """Show the raw request, masked as its source wants it."""
    is_raw = call.asked("raw") == "1"
    if is_raw:
        call.require_role(MAY_READ_RAW)
    event = await load_reached(call)
    return await show_request(call.op, event["id"], is_raw=is_raw)


@group.takes(
    "POST",
    "/api/events/{event_id}/replay",
    roles=MAY_BUILD,
    answer=answers.Begun,
    status=202,
    errors=[Conflict],
)
async def replay_event(call: Call) -> Any:
    """Take an event again from its raw request, with the live script, as a new event."""
    event = await load_reached(call)
    return {"id": await replay(call.op, event["id"]), "status": Status.QUEUED.value}


@group.takes(
    "POST",
    "/api/events/{event_id}/discard",
    roles=MAY_BUILD,
    body=bodies.Reason,
    errors=[Conflict, OperatorError],
)
async def discard_event(call: Call) -> Any:
    """Discard what failed, waits or is held, with a reason; it can still be replayed."""
    event = await load_reached(call)
    await discard(call.op, event["id"], call.body.reason)


@group.takes("PUT", "/api/events/{event_id}/bookmark", roles=MAY_BUILD, body=bodies.Bookmark)
async def bookmark_event(call: Call) -> Any:
    """Mark an event, or take the mark off."""
    event = await load_reached(call)
    await bookmark(call.op, event["id"], is_on=call.body.is_on)
