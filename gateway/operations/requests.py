"""Requests, read: what came in behind an event, masked as its source wants it; the very bytes for who may."""

import base64
from typing import Any

import orjson

from gateway.errors import NotFound
from gateway.operations.layout import show_body
from gateway.operations.operator import Operator
from gateway.operations.redaction import Rules, read_rules, redact
from gateway.store.engine import Connection
from gateway.store.events import load_event as read_event
from gateway.store.requests import load_request
from gateway.store.sources import find_redaction


async def show_request(op: Operator, event_id: str, *, is_raw: bool = False) -> dict[str, Any]:
    """Give `{event_id, root, source, head, body, text, is_masked}`: the head as an object, the body as readable text.

    `text` is the body as it was written, None where it is no text. Raw (only for who may read secrets of the sender:
    see `access.MAY_READ_RAW`) nothing is masked, and `body_base64` are the bytes as they came in. Raises NotFound,
    also for a request that is gone.
    """
    return await op.read(lambda conn: _show_request(conn, event_id, is_raw))


def _show_request(conn: Connection, event_id: str, is_raw: bool) -> dict[str, Any]:
    event = read_event(conn, event_id)
    if event is None:
        raise NotFound(f"there is no stored event {event_id}; the request of a queued one is shown once it is applied")
    stored = load_request(conn, event_id)
    if stored is None:
        raise NotFound(f"the raw request of {event_id} is gone: {_why_gone(event)}")
    about = {"event_id": event_id, "root": event["root"], "source": event["source"]}
    head, body = stored
    if is_raw:
        raw = {"head": orjson.loads(head), "body": show_body(body), "text": _text(body), "is_masked": False}
        return about | raw | {"body_base64": base64.b64encode(body).decode()}
    redacted = redact(head, body, load_rules(conn, event["source"]))
    shown = {"head": redacted.head, "body": show_body(redacted.body), "text": _text(redacted.body)}
    return about | shown | {"is_masked": redacted.is_masked}


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _why_gone(event: dict[str, Any]) -> str:
    return "it went with a person" if event["erased_at"] else "retention has removed it"


def load_rules(conn: Connection, source: str) -> Rules:
    """Give what is hidden of the requests of a source, also of one that is removed."""
    return read_rules(find_redaction(conn, source) or "{}")


def mask_kept(entry: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """Mask a request that is no event, as `queue.kept` gives it."""
    redacted = redact(orjson.dumps(entry["head"]), base64.b64decode(entry["body"]), rules)
    return entry | {"head": redacted.head, "body": base64.b64encode(redacted.body).decode()}
