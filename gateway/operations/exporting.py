"""Exporting: events as lines of JSON, one an event, oldest first, in constant memory.

A line holds everything that a person or another Hookwright needs: ids, root, times, status, actions, log,
trace, and the raw request. By default the request is masked as it is where it is shown, and such a line says
`is_whole: false`: it is for reading, and cannot be imported. Raw lines are whole. Effects are in none: they
come of the actions, wherever these are applied. `importing` reads what is written here.
"""

import base64
from collections.abc import AsyncIterator
from typing import Any

import orjson

from gateway import clock
from gateway.ids import mint_event_id
from gateway.operations.events import check_status
from gateway.operations.operator import Operator
from gateway.operations.redaction import Rules, redact
from gateway.operations.requests import load_rules
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.exports import ExportFilter, count_exported, read_page

FORMAT = 1
_AS_STORED = (
    *("id", "root", "source", "status", "stage", "reason", "version_id", "key_id", "unique_key", "edited_from"),
    "is_authenticated",
)
Page = list[tuple[dict[str, Any], tuple[bytes, bytes] | None]]


async def count_export(op: Operator, chosen: ExportFilter) -> int:
    check_status(chosen.status)
    return await op.read(lambda conn: count_exported(conn, chosen))


async def export_events(op: Operator, chosen: ExportFilter, *, is_raw: bool = False) -> AsyncIterator[bytes]:
    """Give a line (with its newline) for every event that is stored when it begins."""
    check_status(chosen.status)
    await op.write(lambda conn: _audit(conn, op.actor, chosen, is_raw))
    before, after, rules = mint_event_id(), "", dict[str, Rules]()
    while True:

        def work(conn: Connection, after: str = after) -> Page:
            page = read_page(conn, chosen, after=after, before=before)
            for source in {row["source"] for row, _ in page} - rules.keys():
                rules[source] = load_rules(conn, source)
            return page

        page = await op.read(work)
        if not page:
            return
        for row, raw in page:
            yield write_line(row, raw, None if is_raw else rules[row["source"]])
        after = page[-1][0]["id"]


def _audit(conn: Connection, actor: str, chosen: ExportFilter, is_raw: bool) -> None:
    told = {
        "status": chosen.status,
        "since": clock.iso(chosen.since),
        "until": clock.iso(chosen.until),
        "is_raw": is_raw,
    }
    subject = chosen.source or "every source"
    write_audit(conn, at=clock.now(), actor=actor, operation="event.export", subject=subject, after=told)


def write_line(row: dict[str, Any], raw: tuple[bytes, bytes] | None, rules: Rules | None) -> bytes:
    """Write one event; without rules whole, with rules masked."""
    document = {
        "hookwright_event": FORMAT,
        "is_whole": rules is None,
        **{name: row[name] for name in _AS_STORED},
        **{name: clock.iso(row[name]) for name in ("received_at", "occurred_at", "created_at", "applied_at")},
        "actions": _verbatim(row["actions"]),
        "logs": row["logs"] or "",
        "trace": _verbatim(row["trace"]) if row["trace"] else None,
        "request": None if raw is None else _request(*raw, rules),
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _verbatim(text: str) -> Any:
    """Let JSON stand digit for digit; what a script gave instead of JSON is a text."""
    try:
        orjson.loads(text)
    except ValueError:
        return text
    # One line is one event, however the text was laid out.
    return text if "\n" in text else orjson.Fragment(text)


def _request(head: bytes, body: bytes, rules: Rules | None) -> dict[str, Any]:
    if rules is None:
        return {"head": orjson.Fragment(head), "body_base64": base64.b64encode(body).decode()}
    redacted = redact(head, body, rules)
    return {"head": redacted.head, "body_base64": base64.b64encode(redacted.body).decode()}
