"""Answers: what a sender would hear, for a run that has no sender.

Takes what `judge` has ruled, gives status, headers and body as `ingest.respond` would send them; a test holds the one
against the other. The floor that answers real senders lies above this one, and is not asked.
"""

from dataclasses import dataclass

import orjson

from gateway.errors import AuthenticateBroke, HookwrightError, NotGenuine, Unavailable
from gateway.event import Status
from gateway.judge import Judgement
from gateway.sandbox.outcome import Reply

# As in ingest.respond: what a script may set on its answer.
_REPLY_HEADERS = frozenset(
    {"cache-control", "content-language", "retry-after", "x-hook-secret", "webhook-allowed-origin"}
)
_HARDENED = (("x-content-type-options", "nosniff"), ("content-security-policy", "sandbox; default-src 'none'"))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def answer_of(judgement: Judgement | None, error: HookwrightError | None, *, is_held: bool = False) -> Answer:
    """Give the answer to a run that was judged, or refused with an error."""
    if error is not None:
        return _refused(error)
    assert judgement is not None
    if judgement.reply is not None:
        return _scripted(judgement.reply)
    event = judgement.event
    status = Status.HELD if is_held and event.status is Status.QUEUED else event.status
    body = orjson.dumps({"id": event.id, "status": status.value})
    return Answer(202, [("content-type", "application/json")], body)


def _scripted(reply: Reply) -> Answer:
    chosen = [(name.lower(), value) for name, value in reply.headers if name.lower() in _REPLY_HEADERS]
    content_type = reply.content_type or "text/plain; charset=utf-8"
    return Answer(reply.status, [("content-type", content_type), *_HARDENED, *chosen], reply.body)


def _refused(error: HookwrightError) -> Answer:
    status = error.refusal_status if isinstance(error, NotGenuine) else error.status
    detail = "the source's script failed; send it again" if isinstance(error, AuthenticateBroke) else error.detail
    headers = [("content-type", "application/problem+json")]
    if isinstance(error, Unavailable):
        headers.append(("retry-after", str(error.retry_after_seconds)))
    if status == 401:
        headers.append(("www-authenticate", 'Bearer realm="hookwright"'))
    return Answer(status, headers, orjson.dumps({"title": error.title, "status": status, "detail": detail}))
