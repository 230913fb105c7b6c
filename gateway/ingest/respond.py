"""Respond: what the sender hears. Success names the event; an error is RFC 9457 problem+json.

Never tells a stranger why a script failed: its reason and trace are for the source's own people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.errors import (
    AuthenticateBroke,
    HookwrightError,
    MethodNotAllowed,
    NotGenuine,
    TooMany,
    Unavailable,
    UploadRefused,
)
from gateway.event import Event, Status
from gateway.ingest.receive import Send
from gateway.sandbox.outcome import Reply

REPLY_BYTES_MAX = 64 * 1024
# What a script may set on an answer: nothing that makes a browser act for somebody (cookies, redirects, CORS).
REPLY_HEADERS = frozenset(
    {"cache-control", "content-language", "retry-after", "x-hook-secret", "webhook-allowed-origin"}
)

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_HARDENED = ((b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"sandbox; default-src 'none'"))

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Headers


def accepted(event: Event, *, is_held: bool) -> Answer:
    """Say what is known of the event: queued, held, ignored or failed; 202 in any case, it is kept."""
    status = Status.HELD if is_held and event.status is Status.QUEUED else event.status
    body = b'{"id":"%b","status":"%b"}' % (event.id.encode(), status.value.encode())
    return Answer(202, body, (_JSON, (b"x-request-id", event.id.encode())))


def scripted(reply: Reply, request_id: str) -> Answer:
    """Give the script's own answer, hardened: it must not turn our address into somebody's web page."""
    body = reply.body
    if len(body) > REPLY_BYTES_MAX:
        return Answer(202, b"", ((b"x-request-id", request_id.encode()),))
    chosen = tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in reply.headers
        if name.lower() in REPLY_HEADERS and "\n" not in value and "\r" not in value
    )
    content_type = reply.content_type or "text/plain; charset=utf-8"
    fixed = ((b"content-type", content_type.encode("latin-1", "replace")), (b"x-request-id", request_id.encode()))
    return Answer(reply.status, body, (*fixed, *_HARDENED, *chosen))


def refused(error: HookwrightError, request_id: str) -> Answer:
    """Say what is wrong and the way out, as the error's class has it."""
    status = error.refusal_status if isinstance(error, NotGenuine) else error.status
    detail = "the source's script failed; send it again" if isinstance(error, AuthenticateBroke) else error.detail
    shown = {} if isinstance(error, AuthenticateBroke) else error.extra
    headers: list[tuple[bytes, bytes]] = [_PROBLEM, (b"x-request-id", request_id.encode())]
    if isinstance(error, Unavailable | TooMany):
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    if isinstance(error, TooMany):
        headers += _rate_limit(error)
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="hookwright"'))
    if status in (408, 413, 431) or isinstance(error, UploadRefused):
        headers.append((b"connection", b"close"))
    return Answer(status, problem(status, error.title, detail, request_id, **shown), headers)


def _rate_limit(error: TooMany) -> Headers:
    """Name the limit as draft-ietf-httpapi-ratelimit-headers does: what it allows, and what is left of it."""
    return (
        (b"ratelimit-policy", f'"{error.limit}";q={error.quota};w={error.window_seconds}'.encode()),
        (b"ratelimit", f'"{error.limit}";r=0;t={error.retry_after_seconds}'.encode()),
    )


def broken(request_id: str) -> Answer:
    """Answer for a bug of ours: the trace is in the log under this id."""
    detail = "a fault of the gateway; send it again"
    return Answer(
        500, problem(500, "Internal error", detail, request_id), (_PROBLEM, (b"x-request-id", request_id.encode()))
    )


def problem(status: int, title: str, detail: str, request_id: str, **extra: Any) -> bytes:
    return orjson.dumps({"title": title, "status": status, "detail": detail, "request_id": request_id, **extra})


def document(status: int, body: Any, request_id: str) -> Answer:
    return Answer(status, orjson.dumps(body), (_JSON, (b"x-request-id", request_id.encode())))


async def send_answer(answer: Answer, send: Send) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
