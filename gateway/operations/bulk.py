"""Bulk: replay or discard all that a filter finds, or let in all samples of a source, as work that survives a restart.

Takes a kind and a filter; gives the count first, then a job: a row that a worker goes through in steps, behind live
traffic. It can be paused, resumed and cancelled at any time, and says what became of what it has made. A replay takes
one event a delivery, as `events replay` does; what was posted to the action API has no script and is left out.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from gateway import clock
from gateway.errors import Conflict, NotFound, OperatorError
from gateway.ids import mint_bulk_id, mint_event_id
from gateway.operations.discard import checked_reason
from gateway.operations.operator import Operator
from gateway.operations.searching import NOWHERE, read_filter, write_filter
from gateway.operations.sifting import sift
from gateway.queue.bulk import is_anybody_working
from gateway.queue.kept import list_kept
from gateway.store.audit import write_audit
from gateway.store.bulk import ACTIVE, KINDS, count_results, find_bulk, insert_bulk, update_bulk
from gateway.store.bulk import list_bulk as read_bulk
from gateway.store.counting import count_deliveries_of, count_discardable_of
from gateway.store.engine import Connection
from gateway.store.pending import DISCARDABLE
from gateway.store.searching import EventFilter, list_standing_deliveries, span_of, walk
from gateway.store.sources import load_source

PAGE = 50
# How long a count looks into payloads before it says "at least".
COUNT_SECONDS = 10.0
SAMPLES_MAX = 1000


async def bulk_count(op: Operator, kind: str, chosen: EventFilter) -> dict[str, Any]:
    """Say how much there is to do, before anything is done: `{count, is_exact}`. Raises OperatorError, NotFound."""
    _check(kind, chosen)
    if kind == "process_samples":
        await op.read(lambda conn: load_source(conn, chosen.sources[0]))
        samples = await list_kept(op.redis, "sample", chosen.sources[0], SAMPLES_MAX)
        return {"count": len(samples), "is_exact": True}
    return await op.read(lambda conn: _count(conn, kind, chosen))


def _count(conn: Connection, kind: str, chosen: EventFilter) -> dict[str, Any]:
    if not chosen.is_of_payload:
        ask = count_deliveries_of if kind == "replay" else count_discardable_of
        return {"count": ask(conn, chosen), "is_exact": True}
    count, unread, deadline = 0, 0, time.monotonic() + COUNT_SECONDS
    for rows in walk(conn, chosen, span_of(chosen)):
        work = find_work(conn, kind, rows, chosen, deadline)
        count, unread = count + len(work.found), unread + work.unread
        if time.monotonic() > deadline:
            return {"count": count, "is_exact": False}
    return {"count": count, "is_exact": not unread}


@dataclass(frozen=True, slots=True)
class Work:
    """What of some rows is work, as far as they were looked at."""

    found: list[tuple[str, str]]  # event, root whose request is taken again; in the order of the rows
    reached: str  # the last row that was looked at; empty: there is none
    unread: int  # bodies of too many values: what a filter cannot be held against is never touched


def find_work(conn: Connection, kind: str, rows: list[Any], chosen: EventFilter, deadline: float) -> Work:
    """Look at rows until `deadline` of the monotonic clock, at one of them in any case."""
    found, reached, unread = list[Any](), "", 0
    for row, is_meant in sift(conn, rows, chosen, is_raw=True):
        reached = row.id
        if is_meant:
            found.append(row)
        elif is_meant is None:
            unread += 1
        if time.monotonic() > deadline:
            break
    return Work(_work(conn, kind, found, chosen), reached, unread)


def _work(conn: Connection, kind: str, found: list[Any], chosen: EventFilter) -> list[tuple[str, str]]:
    if kind == "discard":
        return [(row.id, row.root) for row in found if row.status in DISCARDABLE]
    scripted = [row for row in found if row.key_id is None]
    return [(one.event_id, one.root) for one in list_standing_deliveries(conn, scripted, chosen)]


async def bulk_create(
    op: Operator,
    kind: str,
    chosen: EventFilter,
    *,
    reason: str = "",
    total: int | None = None,
    bulk_id: str | None = None,
) -> dict[str, Any]:
    """Begin a job on all that is there now; `total` is what `bulk_count` said. Raises OperatorError, NotFound.

    A discard wants a reason; process_samples a filter with one source and nothing else. A `bulk_id` that was minted
    beforehand makes the call one that can be sent twice: the second gives the job that the first has begun.
    """
    _check(kind, chosen)
    if kind == "discard":
        reason = checked_reason(reason)
    if kind == "process_samples":
        await op.read(lambda conn: load_source(conn, chosen.sources[0]))
    row = {
        "id": bulk_id or mint_bulk_id(),
        "kind": kind,
        "filter": write_filter(chosen),
        "reason": reason,
        "author": op.actor,
        "state": "queued",
        "total": total,
        "until": mint_event_id(),
        "created_at": clock.now(),
    }
    await op.write(lambda conn: _begin(conn, op.actor, row))
    return await load_bulk(op, str(row["id"]))


def _begin(conn: Connection, actor: str, row: dict[str, Any]) -> None:
    if known := find_bulk(conn, row["id"]):
        if known["author"] != actor:
            raise Conflict(f"{row['id']} is a job of {known['author']}")
        return
    insert_bulk(conn, row)
    told = {name: row[name] for name in ("filter", "reason", "total")}
    operation = f"bulk.{row['kind']}"
    write_audit(conn, at=row["created_at"], actor=actor, operation=operation, subject=row["id"], after=told)


async def load_bulk(op: Operator, bulk_id: str) -> dict[str, Any]:
    """Give a job with what became of its replays: `{id, kind, filter, state, total, done, failed, result, …}`.

    `result` counts what is stored by status, `queued` what is not yet. Raises NotFound.
    """

    def work(conn: Connection) -> dict[str, Any]:
        row = _load(conn, bulk_id)
        return _document(row) | {"result": _result(row, count_results(conn, bulk_id))}

    return await op.read(work)


def _result(row: dict[str, Any], counts: dict[str, int]) -> dict[str, int]:
    if row["kind"] == "discard":
        return {"discarded": row["done"]}
    return {**counts, "queued": max(0, row["done"] - row["failed"] - sum(counts.values()))}


async def list_bulk(op: Operator, *, before: str | None = None, limit: int = PAGE) -> dict[str, Any]:
    """Give `{jobs, next}`, newest first, without their results."""
    rows = await op.read(lambda conn: read_bulk(conn, before=before, limit=limit + 1))
    return {
        "jobs": [_document(row) for row in rows[:limit]],
        "next": rows[limit - 1]["id"] if len(rows) > limit else None,
    }


async def pause_bulk(op: Operator, bulk_id: str) -> None:
    """Let nothing more be queued; what is queued goes on. Raises NotFound, Conflict."""
    await _change(op, bulk_id, "paused", states=ACTIVE)


async def resume_bulk(op: Operator, bulk_id: str) -> None:
    """Raises NotFound, Conflict."""
    await _change(op, bulk_id, "queued", states=("paused", "failed"))


async def cancel_bulk(op: Operator, bulk_id: str) -> None:
    """End it; what is done stays done. Raises NotFound, Conflict."""
    await _change(op, bulk_id, "cancelled", states=(*ACTIVE, "paused"))


async def is_worker_there(op: Operator) -> bool:
    """Tell whether anybody would go through a job."""
    return await is_anybody_working(op.redis)


async def _change(op: Operator, bulk_id: str, state: str, *, states: tuple[str, ...]) -> None:
    def work(conn: Connection) -> None:
        row, at = _load(conn, bulk_id), clock.now()
        ended_at = at if state == "cancelled" else None
        if not update_bulk(conn, bulk_id, states=states, state=state, error=None, ended_at=ended_at):
            raise Conflict(f"job {bulk_id} is {row['state']}: it cannot be {state} now")
        told = {"before": row["state"], "after": state}
        write_audit(conn, at=at, actor=op.actor, operation="bulk.state", subject=bulk_id, **told)

    await op.write(work)


def filter_of(row: dict[str, Any]) -> EventFilter:
    """Read the filter that lies on a job."""
    return read_filter(dict(parse_qsl(row["filter"])), is_kept=True)


def _check(kind: str, chosen: EventFilter) -> None:
    if kind not in KINDS:
        raise OperatorError(f'there is no bulk job "{kind}": {", ".join(KINDS)}')
    if NOWHERE in chosen.sources:
        raise OperatorError("you reach none of these sources: there is nothing to do")
    if kind == "process_samples" and chosen != EventFilter(sources=chosen.sources[:1]):
        raise OperatorError("samples are let in for one source, all of them")
    if kind == "process_samples" and not chosen.sources:
        raise OperatorError("samples belong to a source: name it")


def _load(conn: Connection, bulk_id: str) -> dict[str, Any]:
    row = find_bulk(conn, bulk_id)
    if row is None:
        raise NotFound(f"there is no bulk job {bulk_id}")
    return row


def _document(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "kind", "filter", "reason", "author", "state", "total", "done", "failed", "error")
    times = {name: clock.iso(row[name]) for name in ("created_at", "ended_at")}
    return {**{name: row[name] for name in names}, **times}
