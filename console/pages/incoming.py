"""Incoming: requests that are no events: samples while a source captures, and what was rejected. And its fixtures."""

import base64
from typing import Any

from starlette.responses import Response

from console.access import Role
from console.pasted import read_pasted
from console.section import Section
from console.visit import Visit
from gateway.operations import capturing, events, fixtures
from gateway.operations.layout import show_body
from gateway.operations.sources import show_source
from gateway.operations.trial_requests import find_request

section = Section("incoming", under="sources")
KINDS = ("sample", "rejected")


@section.get("/sources/{source}/captured", role=Role.VIEWER)
async def captured(visit: Visit) -> Response:
    name = visit.params["source"]
    kind = visit.asked("kind") if visit.asked("kind") in KINDS else "sample"
    read = events.list_samples if kind == "sample" else events.list_rejected
    return visit.show(
        "incoming/captured.html",
        source=await show_source(visit.op, name),
        kind=kind,
        entries=[_shown(entry) for entry in await read(visit.op, name, 50)],
        capture=await capturing.capture_state(visit.op, name),
    )


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "text": show_body(base64.b64decode(entry["body"]))}


@section.post("/sources/{source}/capture", role=Role.INTEGRATOR, form="incoming:captured")
async def capture(visit: Visit) -> Response:
    name = visit.params["source"]
    await capturing.capture(visit.op, name)
    said = "Capturing for an hour or 100 requests: they are answered 200, kept here, and not applied."
    return visit.go(visit.url("incoming:captured", source=name), said)


@section.post("/sources/{source}/capture/stop", role=Role.INTEGRATOR, form="incoming:captured")
async def stop_capture(visit: Visit) -> Response:
    name = visit.params["source"]
    await capturing.stop_capture(visit.op, name)
    return visit.go(visit.url("incoming:captured", source=name), "Back to the script; the samples stay.")


@section.post("/sources/{source}/captured/{sample_id}/process", role=Role.INTEGRATOR, form="incoming:captured")
async def process(visit: Visit) -> Response:
    name = visit.params["source"]
    event = await capturing.process_sample(visit.op, name, visit.params["sample_id"])
    return visit.go(
        visit.url("incoming:captured", source=name), f"It is an event now: {event['id']} ({event['status']})."
    )


@section.post("/sources/{source}/captured/{kind}/{request_id}/fixture", role=Role.INTEGRATOR, form="incoming:captured")
async def keep(visit: Visit) -> Response:
    """Keep a captured or rejected request as a fixture."""
    name, reference = visit.params["source"], f"{visit.params['kind']}:{visit.params['request_id']}"
    title = visit.form.text("name", needed="Give the fixture a name.")
    visit.form.settle()
    await fixtures.add_fixture(visit.op, name, title, await find_request(visit.op, name, reference))
    return visit.go(visit.url("incoming:fixture_list", source=name), f"Kept as {title}.")


@section.get("/sources/{source}/fixtures", role=Role.VIEWER)
async def fixture_list(visit: Visit) -> Response:
    name = visit.params["source"]
    source = await show_source(visit.op, name)
    return visit.show("incoming/fixtures.html", source=source, kept=await fixtures.list_fixtures(visit.op, name))


@section.post("/sources/{source}/fixtures", role=Role.INTEGRATOR, form="incoming:fixture_list")
async def add_fixture(visit: Visit) -> Response:
    name, form = visit.params["source"], visit.form
    title = form.text("name", needed="Give it a name.")
    request = await read_pasted(visit, name)
    await fixtures.add_fixture(visit.op, name, title, request)
    return visit.go(visit.url("incoming:fixture_list", source=name), "Added.")


@section.post("/sources/{source}/fixtures/rename", role=Role.INTEGRATOR, form="incoming:fixture_list")
async def rename_fixture(visit: Visit) -> Response:
    name, title = visit.form.raw("name"), visit.form.text("new_name", needed="Give it a name.")
    visit.form.settle()
    await fixtures.rename_fixture(visit.op, visit.params["source"], name, title)
    return visit.go(visit.url("incoming:fixture_list", source=visit.params["source"]), "Renamed.")


@section.post("/sources/{source}/fixtures/remove", role=Role.INTEGRATOR, form="incoming:fixture_list")
async def remove_fixture(visit: Visit) -> Response:
    await fixtures.remove_fixture(visit.op, visit.params["source"], visit.form.raw("name"))
    return visit.go(visit.url("incoming:fixture_list", source=visit.params["source"]), "Removed.")
