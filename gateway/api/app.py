"""App: the routes of the API, and how an error becomes an answer: in this one place."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.actions import Actions
from gateway.api.health import Health
from gateway.api.reading import Reading
from gateway.errors import HookwrightError, MethodNotAllowed, NotFound
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.receive import Disconnected
from gateway.ingest.respond import Answer
from gateway.logs import log
from gateway.operations.operator import Operator

Endpoint = Callable[[Request, str], Awaitable[Answer]]


def build_api(op: Operator, pipeline: Pipeline) -> Starlette:
    """Make the routes: actions, batch, events, contacts, orders, health."""
    actions, reading, health = Actions(pipeline), Reading(op, pipeline.registry), Health(op, pipeline)
    return Starlette(
        routes=[
            Route("/healthz", _answering(health.healthz), methods=["GET"]),
            Route("/readyz", _answering(health.readyz), methods=["GET"]),
            Route("/api/batch", _answering(actions.batch), methods=["POST"]),
            Route("/api/events/{event_id}", _answering(reading.event), methods=["GET"]),
            Route("/api/contacts/{identifier:path}", _answering(reading.contact), methods=["GET"]),
            Route("/api/orders/{order_id:path}", _answering(reading.order), methods=["GET"]),
            Route("/api/{action}", _answering(actions.one), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _answer_strays},
    )


async def _answer_strays(request: Request, stray: Exception) -> Response:
    """Answer what no route takes: an unknown path, or a method that its path does not know."""
    assert isinstance(stray, HTTPException)
    here = f"{request.method} {request.url.path[:200]}"
    error: HookwrightError = NotFound(f"nothing is at {here}; the README lists what there is")
    if stray.status_code == 405:
        allowed = (stray.headers or {}).get("Allow", "")
        error = MethodNotAllowed(f"{here}: this address takes {allowed}", allowed)
    return _response(respond.refused(error, mint_event_id()))


def _answering(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        request_id = mint_event_id()
        try:
            given = await endpoint(request, request_id)
        except Disconnected:
            given = Answer(400, b"", ())
        except HookwrightError as error:
            given = respond.refused(error, request_id)
        except Exception:
            log.exception("request_broke", request_id=request_id, path=request.url.path)
            given = respond.broken(request_id)
        return _response(given)

    return answer


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers.extend(answer.headers)
    return response
