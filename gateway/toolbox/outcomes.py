"""Outcomes: the ways in which a script ends a request early.

Each is an exception to raise. `Reject` says no, `Ignore` says that there is nothing to do, `Answer` gives a
handshake its answer, `TryLater` leaves the payload with the sender. Never decides what reaches the wire:
the gateway checks the reply again and keeps only the headers that it allows.
"""

from typing import Any, NamedTuple

from gateway.toolbox.exact import exact, exact_text, utf8
from gateway.toolbox.values.documents import dump_json

REPLY_BYTES_MAX = 64 * 1024
_REASON_CHARACTERS_MAX = 1_000
_HEADERS_MAX = 32
_RETRY_SECONDS_MAX = 86_400
_TEXT_TYPE = "text/plain; charset=utf-8"
_JSON_TYPE = "application/json"


class Reply(NamedTuple):
    """What the sender hears, checked and encoded."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]


class Ending(Exception):
    """The root of the four; not for scripts."""


class Reject(Ending):
    """The request is refused: the sender hears the status (4xx), nothing is kept as an event.

    `reason` is for the people who watch the source; the sender does not see it. ValueError where the
    status is not 4xx. Example: `raise Reject("a test shop", status=403)`.
    """

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(exact_text(reason, "reason", _REASON_CHARACTERS_MAX))
        self.reason = reason
        self.status = _status(status, 4)


class Ignore(Ending):
    """Genuine, but nothing to do: the sender hears 202, the event is kept as `ignored` with the reason.

    Example: `raise Ignore("an order without a person")`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(exact_text(reason, "reason", _REASON_CHARACTERS_MAX))
        self.reason = reason


class Answer(Ending):
    """A handshake: the sender hears exactly this and no action is taken. May be raised before the yes.

    `body` is text, bytes, or a dict or list that becomes JSON; at most 64 KiB; `status` is 2xx. The content type
    is text/plain unless it is given, application/json for a dict or list. ValueError for any other status or size.
    Example (Slack's url_verification): `raise Answer(request.json["challenge"])`.
    """

    def __init__(
        self,
        body: str | bytes | dict[str, Any] | list[Any] | None = None,
        status: int = 200,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.reply = build_reply(status, body, content_type, headers)
        super().__init__(f"answered with {self.reply.status}")


class TryLater(Ending):
    """Not now: the sender hears 503 with Retry-After, and keeps the payload until it tries again.

    `retry_after_seconds` is 1 to 86,400. Example: `raise TryLater("the product feed comes first", 300)`.
    """

    def __init__(self, reason: str, retry_after_seconds: int = 60) -> None:
        super().__init__(exact_text(reason, "reason", _REASON_CHARACTERS_MAX))
        self.reason = reason
        self.retry_after_seconds = exact(retry_after_seconds, int, "retry_after_seconds")
        if not 1 <= retry_after_seconds <= _RETRY_SECONDS_MAX:
            raise ValueError(f"retry_after_seconds must be 1 to {_RETRY_SECONDS_MAX}")


def build_reply(
    status: int,
    body: str | bytes | dict[str, Any] | list[Any] | None,
    content_type: str | None,
    headers: dict[str, str] | None,
) -> Reply:
    """Check and encode an answer; also what stands behind `context.respond`."""
    data = _encode_body(body)
    if len(data) > REPLY_BYTES_MAX:
        raise ValueError(f"an answer may have {REPLY_BYTES_MAX} bytes, this one has {len(data)}")
    if content_type is None:
        content_type = _JSON_TYPE if type(body) in (dict, list) else _TEXT_TYPE
    return Reply(_status(status, 2), data, _header_text(content_type, "content_type"), _header_pairs(headers))


def _status(status: int, hundred: int) -> int:
    if exact(status, int, "status") // 100 != hundred:
        raise ValueError(f"status must be {hundred}00 to {hundred}99, not {status}")
    return status


def _encode_body(body: object) -> bytes:
    if body is None:
        return b""
    if type(body) is bytes:
        return body
    if type(body) is str:
        return utf8(body, "body")
    if type(body) is dict or type(body) is list:
        return dump_json(body).encode()
    raise TypeError(f"an answer's body must be str, bytes, dict, list or None, not {type(body).__name__}")


def _header_pairs(headers: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    if headers is None:
        return ()
    if len(exact(headers, dict, "headers")) > _HEADERS_MAX:
        raise ValueError(f"an answer may have {_HEADERS_MAX} headers")
    return tuple((_header_name(name), _header_text(value, name)) for name, value in headers.items())


def _header_name(name: object) -> str:
    text = exact_text(name, "a header's name", 100)
    if not text or not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{text!r} is not the name of a header")
    return text


def _header_text(value: object, name: str) -> str:
    text = exact_text(value, name, 4_096)
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{name} must be printable ASCII")
    return text
