"""App: the routes of the gateway's own API, made of the table that describes them."""

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import table
from gateway.api.actions import COUNTED_AS, Actions
from gateway.api.answering import Endpoint, as_response, ask, stray_error
from gateway.api.door import Door
from gateway.api.health import Health
from gateway.api.management.door import Doorkeeper
from gateway.api.management.serve import management_routes
from gateway.api.reading import Reading
from gateway.errors import TooMany
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.pipeline import Pipeline
from gateway.metrics import NOBODY
from gateway.operations.operator import Operator


def build_api(op: Operator, pipeline: Pipeline) -> Starlette:
    """Make the routes: actions, batch, events, contacts, orders, health; management where the settings want it here."""
    door, health = Door(pipeline), Health(op, pipeline)
    actions = Actions(pipeline, door)
    endpoints: dict[str, Endpoint] = {
        "healthz": health.healthz,
        "readyz": health.readyz,
        "post_batch": actions.batch,
        table.POSTED: actions.one,
        **_reading(op, door),
    }
    counted = {one.name: pipeline for one in table.OPERATIONS if one.tag == "actions"}
    routes = [
        Route(one.path, _answering(endpoints.pop(one.name), counted.get(one.name)), methods=[one.method])
        for one in table.OPERATIONS
    ]
    assert not endpoints, "an endpoint that the table does not describe"
    # First: the action's route takes any word behind /api.
    managing = management_routes(op, door) if op.settings.gateway_management else []
    return Starlette(routes=[*managing, *routes], exception_handlers={HTTPException: _answering_strays(door)})


def _reading(op: Operator, door: Doorkeeper) -> dict[str, Endpoint]:
    reading = Reading(op, door)
    return {"show_event": reading.event, "show_contact": reading.contact, "show_order": reading.order}


def console_routes(op: Operator, door: Doorkeeper) -> list[Route]:
    """Make the routes that stand on the console: management, and reading back."""
    endpoints = _reading(op, door)
    reading = [
        Route(one.path, _answering(endpoints[one.name]), methods=[one.method], name=one.name) for one in table.READING
    ]
    return [*management_routes(op, door), *reading]


def _answering_strays(door: Door) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answer what no route takes: an unknown path, or a method that its path does not know."""

    async def answer(request: Request, stray: Exception) -> Response:
        assert isinstance(stray, HTTPException)
        error = stray_error(request, stray)
        try:
            door.note_stranger(request, error)
        except TooMany as too_many:
            error = too_many
        return as_response(respond.refused(error, mint_event_id()))

    return answer


def _answering(endpoint: Endpoint, counted_by: Pipeline | None = None) -> Callable[[Request], Awaitable[Response]]:
    """Serve an endpoint; what is posted is counted and traced like a webhook."""

    async def answer(request: Request) -> Response:
        request_id, started = mint_event_id(), time.perf_counter()
        trace = counted_by.tracing.begin(request_id) if counted_by else None
        given, outcome = await ask(endpoint, request, request_id)
        if counted_by and trace:
            source = request.scope.get(COUNTED_AS, NOBODY)
            counted_by.metrics.answered(source, outcome, time.perf_counter() - started)
            trace.end(source, outcome, given.status)
        return as_response(given)

    return answer
