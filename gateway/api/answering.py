"""Answering: how what an endpoint gives, or raises, becomes an answer: in this one place.

Takes an endpoint; gives what Starlette serves. What is not in the tree of errors is a bug: 500, the trace in the log
under the id of the request, nothing of it shown.
"""

from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.errors import HookwrightError, MethodNotAllowed, NotFound, StoreBusy, Unavailable
from gateway.event import Status
from gateway.ingest import respond
from gateway.ingest.receive import Disconnected
from gateway.ingest.respond import Answer
from gateway.logs import log
from gateway.metrics.tally import outcome_of

Endpoint = Callable[[Request, str], Awaitable[Answer]]


async def ask(endpoint: Endpoint, request: Request, request_id: str) -> tuple[Answer, str]:
    """Give the answer and what is counted of it."""
    try:
        return await endpoint(request, request_id), Status.QUEUED.value
    except (Disconnected, ClientDisconnect):
        return Answer(400, b"", ()), "disconnected"
    except StoreBusy as error:
        busy = Unavailable(f"{error.detail}; nothing was changed, try again in a moment")
        return respond.refused(busy, request_id), outcome_of(busy)
    except HookwrightError as error:
        return respond.refused(error, request_id), outcome_of(error)
    except (RedisError, ConnectionError) as error:
        away = Unavailable(f"the queue does not answer ({type(error).__name__})")
        return respond.refused(away, request_id), outcome_of(away)
    except Exception:
        log.exception("request_broke", request_id=request_id, path=request.url.path)
        return respond.broken(request_id), "broken"


def as_response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers.extend(answer.headers)
    return response


def stray_error(request: Request, stray: HTTPException) -> HookwrightError:
    """Say what is wrong with a call that no route takes: an unknown path, or a method that its path does not know."""
    here = f"{request.method} {request.url.path[:200]}"
    if stray.status_code == 405:
        allowed = (stray.headers or {}).get("Allow", "")
        return MethodNotAllowed(f"{here}: this address takes {allowed}", allowed)
    return NotFound(f"nothing is at {here}; /openapi.json on the console lists what there is")
