"""Sources: list, add, show, pause, resume, disable, enable, remove; capture what comes in."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, MAY_RULE, PAGED, Call, Group, page
from gateway.errors import Conflict, OperatorError
from gateway.operations import capturing, sources
from gateway.operations.events import list_rejected, list_samples

group = Group("sources", "Who sends: state, capture, and what was refused.")


@group.takes("GET", "/api/sources", answer=answers.Sources, parameters=PAGED)
async def list_sources(call: Call) -> Any:
    """List the sources that the key reaches, by name."""
    found = [row for row in await sources.list_sources(call.op) if call.key.reaches(row["name"])]
    return page(sorted(found, key=lambda row: row["name"]), "name", call, "sources")


@group.takes(
    "POST",
    "/api/sources",
    roles=MAY_RULE,
    body=bodies.NewSource,
    answer=answers.SourceInFull,
    status=201,
    errors=[Conflict, OperatorError],
)
async def add_source(call: Call) -> Any:
    """Add a source.

    With a plugin its script is live at once; without one it captures what comes in until a script is published.
    """
    call.require_every_source()
    given: bodies.NewSource = call.body
    return await sources.add_source(
        call.op, given.name, plugin=given.plugin, secrets=given.secrets, settings=given.settings
    )


@group.takes("GET", "/api/sources/{source}", answer=answers.SourceInFull)
async def show_source(call: Call) -> Any:
    """Show a source: state, live version, settings, names of its secrets, events by status."""
    return await sources.show_source(call.op, call.source)


@group.takes("DELETE", "/api/sources/{source}", roles=MAY_RULE)
async def remove_source(call: Call) -> Any:
    """Remove a source.

    Its URL is unknown from now on, its events stay, its name is never used again.
    """
    await sources.remove_source(call.op, call.source)


@group.takes("POST", "/api/sources/{source}/pause", roles=MAY_BUILD)
async def pause_source(call: Call) -> Any:
    """Pause: what comes in is accepted and held."""
    await sources.pause_source(call.op, call.source)


@group.takes("POST", "/api/sources/{source}/resume", roles=MAY_BUILD, answer=answers.Resumed)
async def resume_source(call: Call) -> Any:
    """Resume: apply again, and take up what was held."""
    return {"taken_up": await sources.resume_source(call.op, call.source)}


@group.takes("POST", "/api/sources/{source}/disable", roles=MAY_RULE)
async def disable_source(call: Call) -> Any:
    """Disable: answer 410.

    Many senders unsubscribe a webhook that answers 410.
    """
    await sources.disable_source(call.op, call.source)


@group.takes("POST", "/api/sources/{source}/enable", roles=MAY_RULE, answer=answers.Resumed)
async def enable_source(call: Call) -> Any:
    """Enable: take webhooks again."""
    return {"taken_up": await sources.enable_source(call.op, call.source)}


@group.takes("GET", "/api/sources/{source}/capture", answer=answers.Capture)
async def show_capture(call: Call) -> Any:
    """Say whether the source captures, and how much of it is left."""
    return await capturing.capture_state(call.op, call.source)


@group.takes(
    "PUT",
    "/api/sources/{source}/capture",
    roles=MAY_BUILD,
    body=bodies.NewCapture,
    answer=answers.Capture,
    errors=[OperatorError],
)
async def begin_capture(call: Call) -> Any:
    """Capture for a while: answer 200, apply nothing, keep the requests as samples."""
    return await capturing.capture(call.op, call.source, hours=call.body.hours, requests=call.body.requests)


@group.takes("DELETE", "/api/sources/{source}/capture", roles=MAY_BUILD)
async def stop_capture(call: Call) -> Any:
    """Stop capturing; the samples stay."""
    await capturing.stop_capture(call.op, call.source)


@group.takes("GET", "/api/sources/{source}/samples", answer=answers.Kept, parameters=PAGED[1:])
async def list_sample_requests(call: Call) -> Any:
    """List the newest captured requests, masked as the source's events are."""
    return {"requests": await list_samples(call.op, call.source, call.limit)}


@group.takes(
    "POST",
    "/api/sources/{source}/samples/{sample_id}/process",
    roles=MAY_BUILD,
    answer=answers.Begun,
    status=202,
    errors=[Conflict],
)
async def process_sample(call: Call) -> Any:
    """Let a sample in: it is judged by the live script and becomes an event."""
    return await capturing.process_sample(call.op, call.source, call.named("sample_id"))


@group.takes("GET", "/api/sources/{source}/rejected", answer=answers.Kept, parameters=PAGED[1:])
async def list_rejected_requests(call: Call) -> Any:
    """List the newest requests that were not genuine, with the reason; masked as the source's events are."""
    return {"requests": await list_rejected(call.op, call.source, call.limit)}
