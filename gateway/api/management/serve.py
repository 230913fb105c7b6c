"""Serve: a call comes in. Whose key is it, does it reach that far, is the body what the operation takes?

Takes an operator and a doorkeeper; gives routes, in front of a gateway's own API as well as on the console.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.actions.faults import find_faults, refuse
from gateway.api.answering import as_response, ask
from gateway.api.management import bulk, events, fixtures, issues, keys, scripts, secrets, sources, trying, tuning
from gateway.api.management import watching as queue
from gateway.api.management.call import Call, Endpoint, Group
from gateway.api.management.door import Doorkeeper
from gateway.errors import Forbidden, TooLarge
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.respond import Answer
from gateway.operations.operator import Operator

GROUPS: tuple[Group, ...] = tuple(
    module.group for module in (sources, scripts, trying, secrets, tuning, fixtures, events, bulk, issues, keys, queue)
)
ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for group in GROUPS for endpoint in group.endpoints)

# Nothing of it is for a cache, or to be looked at as a page.
_GUARDED = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def management_routes(op: Operator, door: Doorkeeper) -> list[Route]:
    """Make a route of every operation."""
    return [
        Route(one.operation.path, _answering(one, op, door), methods=[one.operation.method], name=one.operation.name)
        for one in ENDPOINTS
    ]


def _answering(endpoint: Endpoint, op: Operator, door: Doorkeeper) -> Callable[[Request], Awaitable[Response]]:
    operation = endpoint.operation
    takes: TypeAdapter[Any] | None = TypeAdapter(operation.body) if operation.body else None

    async def handle(request: Request, request_id: str) -> Answer:
        key = await door.enter(request, operation.roles)
        source = request.path_params.get("source")
        if source is not None and not key.reaches(source):
            raise Forbidden(f'this key does not reach source "{source}"')
        body = read_body(takes, await _read(request, endpoint.body_bytes_max)) if takes else None
        given = await endpoint.handle(Call(replace(op, actor=f"key:{key.id}"), key, request, body))
        if operation.answer is None:
            return Answer(operation.status, b"", ((b"x-request-id", request_id.encode()),))
        return respond.document(operation.status, given, request_id)

    async def answer(request: Request) -> Response:
        given, _ = await ask(handle, request, mint_event_id())
        return as_response(Answer(given.status, given.body, (*given.headers, *_GUARDED)))

    return answer


def read_body(takes: TypeAdapter[Any], raw: bytes) -> Any:
    """Read a body as an operation takes it. Raises BadRequest, or Unprocessable with a pointer for every bad place."""
    try:
        return takes.validate_json(raw)
    except ValidationError as error:
        raise refuse(find_faults(error)) from None


async def _read(request: Request, bytes_max: int) -> bytes:
    """Read the body; more than the operation takes is refused before it is there."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > bytes_max:
        raise _too_large(bytes_max)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
    return bytes(body)


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the body is larger than {bytes_max} bytes, which is the most that this takes")
