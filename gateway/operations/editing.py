"""Editing: take an event again with another head or body, mark an event, write a request as a curl command.

An edited copy is a new event of its own: own root, own raw request, `edited_from` the original, and no unique key, so
that it is compared with nothing. The person who sends it vouches for it: it enters at `transform`, with the live
script, and queues behind live traffic. The audit log keeps who, and what was changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from gateway import clock
from gateway.access import mask_own_keys
from gateway.errors import Conflict, HookwrightError, NotFound, SandboxUnavailable, TooLarge
from gateway.ids import mint_event_id
from gateway.judge import Request, judge
from gateway.operations.curl import write_command
from gateway.operations.operator import Operator
from gateway.operations.redaction import MASK, redact
from gateway.operations.requests import load_rules
from gateway.operations.runnable import load_live
from gateway.operations.typed import Typed, as_typed
from gateway.queue.bulk import enqueue_bulk
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.events import load_event
from gateway.store.marks import set_bookmark
from gateway.store.requests import load_request


async def load_typed(op: Operator, event_id: str, *, is_raw: bool = False) -> Typed:
    """Give the request of an event as fields of a form, masked unless `is_raw`. Raises NotFound, Conflict."""

    def work(conn: Connection) -> Typed:
        event, head, body = _load(conn, event_id)
        return as_typed(orjson.dumps(head), body, None if is_raw else load_rules(conn, event["source"]))

    return await op.read(work)


async def edit_and_replay(
    op: Operator,
    event_id: str,
    *,
    body: bytes | None = None,
    method: str | None = None,
    path: str | None = None,
    query: str | None = None,
    headers: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Send an edited copy of an event's request; gives `{id, status, edited_from}`. None: as it was.

    Raises NotFound, TooLarge, and Conflict for an event without a script or a request, or where the script refuses it.
    """
    event, head, old_body = await op.read(lambda conn: _load(conn, event_id))
    runnable = await load_live(op, event["source"])
    new_body = old_body if body is None else body
    if len(new_body) > (body_max := runnable.source.body_bytes_max or op.settings.body_bytes_max):
        raise TooLarge(f"the body is larger than {body_max} bytes, the limit of this source")
    changes = {"method": method, "path": path, "query": query, "headers": headers}
    new_head = _edited(head, {name: value for name, value in changes.items() if value is not None})
    copy_id = mint_event_id()
    request = Request(copy_id, copy_id, new_head["received_at"], orjson.dumps(new_head), new_body)
    try:
        judged = (await judge(await op.pool(), runnable.script, request, start_at="transform")).event
    except SandboxUnavailable:
        raise
    except HookwrightError as error:
        raise Conflict(f"the script refuses the copy: {error.detail}") from error
    copy = replace(judged, unique_key=None, edited_from=event_id)
    await enqueue_bulk(op.redis, [copy])
    changed = [name for name in changes if head.get(name) != new_head.get(name)] + ["body"] * (new_body != old_body)
    await op.write(lambda conn: _audit(conn, op.actor, event_id, {"id": copy_id, "changed": changed}))
    return {"id": copy_id, "status": copy.status.value, "edited_from": event_id}


async def bookmark_event(op: Operator, event_id: str, *, is_on: bool = True) -> None:
    """Mark an event, or take the mark off. Raises NotFound."""

    def work(conn: Connection) -> None:
        at = clock.now()
        if not set_bookmark(conn, event_id, at if is_on else None):
            raise NotFound(f"there is no stored event {event_id}")
        write_audit(conn, at=at, actor=op.actor, operation="event.bookmark", subject=event_id, after=is_on)

    await op.write(work)


async def write_curl(op: Operator, event_id: str, *, is_raw: bool = False) -> str:
    """Write the request of an event as a command for a POSIX shell, without signatures, cookies and credentials.

    What the source hides is masked, unless `is_raw`. Any byte is quoted: the command does what it shows. Raises
    NotFound.
    """

    def work(conn: Connection) -> tuple[dict[str, Any], bytes]:
        event, head, body = _load(conn, event_id)
        shown = redact(orjson.dumps(head), body, load_rules(conn, event["source"]))
        # A masked header is left out in any case: it would be wrong, and a signature does not fit any more.
        pairs = [pair for pair in shown.head["headers"] if pair[1] != MASK]
        return (head if is_raw else shown.head) | {"headers": pairs}, body if is_raw else shown.body

    head, body = await op.read(work)
    return write_command(head, body)


def _edited(head: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Make the head of the copy: received now, from the person who sends it."""
    if "headers" in changes:
        changes["headers"] = [(name.lower(), mask_own_keys(name.lower(), value)) for name, value in changes["headers"]]
        changes["content_type"] = dict(changes["headers"]).get("content-type", "")
    edited = head | changes | {"received_at": clock.now()}
    base, _, _ = head["url"].partition("?")
    if "path" in changes:
        base = base.removesuffix(head["path"]) + changes["path"]
    return edited | {"url": f"{base}?{edited['query']}" if edited["query"] else base}


def _load(conn: Connection, event_id: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    event, stored = load_event(conn, event_id), load_request(conn, event_id)
    if event is None:
        raise NotFound(f"there is no stored event {event_id}")
    if event["key_id"] is not None:
        raise Conflict(f"event {event_id} was posted to the action API: there is no script to run it again")
    if stored is None:
        raise NotFound(f"the raw request of {event_id} is gone")
    return event, orjson.loads(stored[0]), stored[1]


def _audit(conn: Connection, actor: str, event_id: str, told: dict[str, Any]) -> None:
    write_audit(conn, at=clock.now(), actor=actor, operation="event.edit", subject=event_id, after=told)
