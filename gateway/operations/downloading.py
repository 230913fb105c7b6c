"""Downloading: what a filter finds, as a table for a spreadsheet or as lines of JSON, newest first, a page at a time.

Takes a filter, gives bytes as long as there are events. Only what lists show: no payloads and no actions, which
`exporting` writes. Cells are defused: no spreadsheet takes a sender's text for a formula.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal

import orjson

from gateway import clock
from gateway.operations.operator import Operator
from gateway.operations.searching import PAGE_MAX, search_events, write_filter
from gateway.store.audit import write_audit
from gateway.store.searching import EventFilter

Form = Literal["csv", "ndjson"]
COLUMNS = (
    *("id", "status", "source", "created_at", "received_at", "occurred_at", "applied_at", "stage", "reason", "lane"),
    *("root", "replaced_by", "unique_key", "version_id", "key_id", "issue", "bulk_id", "edited_from"),
    *("bookmarked_at", "attempt_count"),
)
# What a spreadsheet may begin to reckon with; the last two are skipped by some and then do the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def download_events(
    op: Operator, chosen: EventFilter, form: Form, *, is_raw: bool = False
) -> AsyncIterator[bytes]:
    """Give the events; `is_raw` looks into what the source hides, as in a search. Told to the audit log."""
    await op.write(lambda conn: write_audit(conn, **_told(op.actor, chosen, form)))
    write = _write_csv if form == "csv" else _write_ndjson
    if form == "csv":
        yield _lines([COLUMNS])
    before = ""
    while True:
        page = await search_events(op, chosen, before=before, limit=PAGE_MAX, is_raw=is_raw)
        if page["events"]:
            yield write(page["events"])
        if page["next"] is None:
            return
        before = page["next"]


def _told(actor: str, chosen: EventFilter, form: Form) -> dict[str, Any]:
    after = {"filter": write_filter(chosen), "form": form}
    return {"at": clock.now(), "actor": actor, "operation": "event.download", "subject": "events", "after": after}


def _write_ndjson(events: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events)


def _write_csv(events: Iterable[dict[str, Any]]) -> bytes:
    return _lines([[defused(event[name]) for name in COLUMNS] for event in events])


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode(errors="replace")


def defused(value: Any) -> str:
    """Write a cell that is text to every spreadsheet."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
