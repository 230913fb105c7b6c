"""Wire: the frames between gateway and child.

A frame is a fixed header, small JSON, raw bytes: the body of a request and the actions of a result are
never escaped, copied into JSON or parsed on the way. The gateway reads the small JSON field by field
and refuses what does not fit: a child that talks nonsense is a child that was taken over.
"""

import struct
from typing import Any, Final

import orjson

from gateway.sandbox.limits import RESULT_PARTS_MAX, Limits
from gateway.sandbox.outcome import Outcome, Reply

LOAD, AUTHENTICATE, TRANSFORM, PROBE = range(1, 5)

_LENGTH = struct.Struct("<I")
# operation, random id, length of the event's id, length of the head; then event id, head, body
_REQUEST = struct.Struct("<BQHI")
# the id echoed, length of the small JSON, length of the actions; then small JSON, actions, body of the reply
_RESULT = struct.Struct("<QII")

# 32 headers of 4 KiB, a trace of 20 lines, a reason; the log comes on top, each character of it perhaps as \\uXXXX.
_META_BYTES_MAX = 256 * 1024
_ESCAPE_GROWTH = 6
_REPLY_BYTES_MAX = 64 * 1024
_STAGES = frozenset(("load", "authenticate", "transform"))
# What each kind of result must say; every other kind is unknown.
_VERDICT = frozenset(("kind", "is_authenticated"))
_NEEDS = {
    "actions": _VERDICT,
    "ignored": _VERDICT,
    "answered": _VERDICT | {"reply"},
    "rejected": _VERDICT | {"status", "reason"},
    "try_later": _VERDICT | {"retry_after_seconds"},
    "failed": _VERDICT | {"stage", "reason"},
}
_GENUINE = frozenset(("actions", "ignored"))
_REPLYING = frozenset(("actions", "ignored", "answered"))
_MICROS = 1_000_000
_RANGES = {
    "status": range(400, 500),
    "retry_after_seconds": range(1, 86_401),
    "occurred_at": range(-62_135_596_800 * _MICROS, 253_402_300_800 * _MICROS),  # the years 1 to 9999
}
# Six times what `texts` lets through: a control character is written as \uXXXX.
_CHARACTERS_MAX = {"reason": 6 * 300, "unique_key": 256}
_LINE_CHARACTERS_MAX = 6 * 200
_TRACE_LINES_MAX = 20
_LOG_NOTE_CHARACTERS_MAX = 100
_REPLY_STATUSES = range(200, 300)
_HEADERS_MAX = 32
_HEADER_CHARACTERS_MAX = 4096
_FIELD_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "kind": (str,),
    "is_authenticated": (bool,),
    "status": (int,),
    "stage": (str,),
    "reason": (str,),
    "trace": (list,),
    "logs": (str,),
    "unique_key": (str,),
    "occurred_at": (int,),
    "cpu_seconds": (float, int),
    "authenticate_cpu_seconds": (float, int),
    "retry_after_seconds": (int,),
    "reply": (dict,),
}


class ProtocolBroken(Exception):
    """A child sent something that an honest child never sends."""


class FrameReader:
    """Cuts a stream into frames. Refuses a frame by its length before any of it is kept."""

    __slots__ = ("_buffer", "_length_max")

    def __init__(self, length_max: int) -> None:
        self._buffer = bytearray()
        self._length_max = length_max

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read, give the frames that are complete now, without their lengths."""
        if not self._buffer and len(data) >= 4 and self._checked_length(data, 0) == len(data) - 4:
            return [data[4:]]
        self._buffer += data
        return self._cut()

    def _cut(self) -> list[bytes]:
        frames: list[bytes] = []
        start = 0
        with memoryview(self._buffer) as view:
            while len(view) - start >= 4:
                end = start + 4 + self._checked_length(view, start)
                if end > len(view):
                    break
                frames.append(bytes(view[start + 4 : end]))
                start = end
        del self._buffer[:start]
        return frames

    def _checked_length(self, data: bytes | memoryview, offset: int) -> int:
        length: int = _LENGTH.unpack_from(data, offset)[0]
        if length > self._length_max:
            raise ProtocolBroken(f"a frame of {length} bytes")
        return length


def request_frame(operation: int, request_id: int, event_id: bytes, head: bytes, body: bytes) -> bytes:
    """Write a request for the child."""
    length = _REQUEST.size + len(event_id) + len(head) + len(body)
    header = _LENGTH.pack(length) + _REQUEST.pack(operation, request_id, len(event_id), len(head))
    return b"".join((header, event_id, head, body))


def read_request(frame: bytes) -> tuple[int, int, str, bytes, bytes]:
    """Give (operation, request id, event id, head, body). The gateway is believed."""
    operation, request_id, event_id_length, head_length = _REQUEST.unpack_from(frame)
    head_start = _REQUEST.size + event_id_length
    body_start = head_start + head_length
    event_id = frame[_REQUEST.size : head_start].decode()
    return operation, request_id, event_id, frame[head_start:body_start], frame[body_start:]


def result_frame(request_id: int, meta: dict[str, Any], actions: bytes = b"", reply_body: bytes = b"") -> bytes:
    """Write a result for the gateway."""
    small = orjson.dumps(meta)
    length = _RESULT.size + len(small) + len(actions) + len(reply_body)
    header = _LENGTH.pack(length) + _RESULT.pack(request_id, len(small), len(actions))
    return b"".join((header, small, actions, reply_body))


def result_length_max(result_bytes: int, log_bytes: int) -> int:
    """Say how long a result frame of a child with these limits can honestly be."""
    return _RESULT.size + _META_BYTES_MAX + _ESCAPE_GROWTH * log_bytes + result_bytes + _REPLY_BYTES_MAX


def read_result(frame: bytes) -> tuple[int, dict[str, Any], bytes, bytes]:
    """Give (request id, small JSON, actions, body of the reply); raise ProtocolBroken for anything else."""
    try:
        request_id, meta_length, actions_length = _RESULT.unpack_from(frame)
        meta_end = _RESULT.size + meta_length
        actions_end = meta_end + actions_length
        if actions_end > len(frame):
            raise ProtocolBroken("a frame whose parts do not fit")
        meta = orjson.loads(frame[_RESULT.size : meta_end])
    except (struct.error, orjson.JSONDecodeError) as error:
        raise ProtocolBroken(str(error)) from None
    if type(meta) is not dict:
        raise ProtocolBroken("a result that is no object")
    return request_id, meta, frame[meta_end:actions_end], frame[actions_end:]


def read_outcome(meta: dict[str, Any], actions: bytes, reply_body: bytes, limits: Limits) -> Outcome:
    """Build an Outcome from a result, field by field; raise ProtocolBroken where one does not fit."""
    for name, value in meta.items():
        if type(value) not in _FIELD_TYPES.get(name, ()):
            raise ProtocolBroken(f"a result with a strange {name[:40]!r}")
        if (allowed := _RANGES.get(name)) is not None and value not in allowed:
            raise ProtocolBroken(f"a result with a {name} out of its range")
    _check_verdict(meta)
    _check_sizes(meta, actions, limits)
    if "trace" in meta:
        meta["trace"] = tuple(_read_line(line) for line in meta["trace"][:_TRACE_LINES_MAX])
    if "reply" in meta:
        meta["reply"] = _read_reply(meta["reply"], reply_body)
    return Outcome(actions=actions or b"[]", **meta)


def _check_verdict(meta: dict[str, Any]) -> None:
    """Refuse what contradicts itself: actions of a stranger, an answer that is none, a failure without a reason."""
    needed = _NEEDS.get(meta.get("kind", ""))
    if needed is None or not needed <= meta.keys():
        raise ProtocolBroken("a result without a verdict")
    if meta["kind"] in _GENUINE and not meta["is_authenticated"]:
        raise ProtocolBroken("a result of a stranger")
    if "reply" in meta and meta["kind"] not in _REPLYING:
        raise ProtocolBroken("a reply to a request that is refused")
    if meta.get("stage", "load") not in _STAGES:
        raise ProtocolBroken("a result of an unknown stage")


def _check_sizes(meta: dict[str, Any], actions: bytes, limits: Limits) -> None:
    if actions and meta["kind"] != "actions":
        raise ProtocolBroken("actions of a request that has none")
    if len(actions) > limits.result_bytes or actions.count(b",") > RESULT_PARTS_MAX:
        raise ProtocolBroken("more actions than the limits allow")
    for name, characters_max in _CHARACTERS_MAX.items():
        if len(meta.get(name, "")) > characters_max:
            raise ProtocolBroken(f"a result with a long {name}")
    if len(meta.get("logs", "")) > limits.log_bytes + _LOG_NOTE_CHARACTERS_MAX:
        raise ProtocolBroken("a result with a long log")


def _read_line(line: Any) -> dict[str, Any]:
    """Check one frame of a trace."""
    match line:
        case {"line": int(number), "function": str(function), "text": str(text)} if len(line) == 3:
            if len(function) <= _LINE_CHARACTERS_MAX and len(text) <= _LINE_CHARACTERS_MAX:
                return {"line": number, "function": function, "text": text}
    raise ProtocolBroken("a result with a strange trace")


def _read_reply(reply: dict[str, Any], body: bytes) -> Reply:
    match reply:
        case {"status": int(status), "content_type": str(content_type), "headers": [*pairs]}:
            if status in _REPLY_STATUSES and len(pairs) <= _HEADERS_MAX and len(body) <= _REPLY_BYTES_MAX:
                headers = tuple(_read_header(pair) for pair in pairs)
                return Reply(status=status, body=body, content_type=_header_text(content_type), headers=headers)
    raise ProtocolBroken("a result with a strange reply")


def _read_header(pair: Any) -> tuple[str, str]:
    match pair:
        case [str(name), str(value)] if name.replace("-", "").replace("_", "").isalnum():
            return _header_text(name), _header_text(value)
    raise ProtocolBroken("a result with a strange header")


def _header_text(text: str) -> str:
    """Refuse what would end a header and begin another."""
    if len(text) > _HEADER_CHARACTERS_MAX or not text.isascii() or not text.isprintable():
        raise ProtocolBroken("a result with a strange header")
    return text
