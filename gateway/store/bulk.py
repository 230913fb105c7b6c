"""Bulk jobs: work on many deliveries, as rows, so that it goes on where it was after any restart.

Takes and gives rows; a step is planned in the transaction that moves the cursor, with the ids of its replays, so that
who finds a step that may not be queued yet queues the very same one again. Never says what a step does: that is
worker/bulk's.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gateway.store.documents import dump, load
from gateway.store.rows import plain
from gateway.store.tables import events
from gateway.store.workbench import bulk_jobs

ACTIVE = ("queued", "running")
KINDS = ("replay", "discard", "process_samples")


def insert_bulk(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(bulk_jobs).values(**row))


def find_bulk(connection: Connection, bulk_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(bulk_jobs).where(bulk_jobs.c.id == bulk_id)).mappings().first()
    return plain(row) if row else None


def find_next_bulk(connection: Connection) -> dict[str, Any] | None:
    """Give the oldest job that is to be worked on."""
    chosen = select(bulk_jobs).where(bulk_jobs.c.state.in_(ACTIVE)).order_by(bulk_jobs.c.id).limit(1)
    row = connection.execute(chosen).mappings().first()
    return plain(row) if row else None


def list_bulk(connection: Connection, *, before: str | None, limit: int) -> list[dict[str, Any]]:
    """Give a page of jobs, newest first."""
    chosen = select(bulk_jobs)
    if before is not None:
        chosen = chosen.where(bulk_jobs.c.id < before)
    return [plain(row) for row in connection.execute(chosen.order_by(bulk_jobs.c.id.desc()).limit(limit)).mappings()]


def update_bulk(
    connection: Connection, bulk_id: str, *, states: Sequence[str], seen_cursor: str | None = None, **values: Any
) -> bool:
    """Change a job that is in one of these states, and has this cursor if one was seen; gives whether it was so."""
    is_this = (bulk_jobs.c.id == bulk_id) & bulk_jobs.c.state.in_(states)
    if seen_cursor is not None:
        is_this &= bulk_jobs.c.cursor == seen_cursor
    return connection.execute(update(bulk_jobs).where(is_this).values(**values)).rowcount > 0


def count_results(connection: Connection, bulk_id: str) -> dict[str, int]:
    """Count the replays of a job that are stored, by status."""
    rows = connection.execute(
        select(events.c.status, func.count().label("many")).where(events.c.bulk_id == bulk_id).group_by(events.c.status)
    )
    return {row.status: row.many for row in rows}


def dump_step(replays: Sequence[tuple[str, str]]) -> str | None:
    """Write the ids of planned replays, each with its root."""
    return dump(replays) if replays else None


def load_step(text: str | None) -> list[tuple[str, str]]:
    return [(replay_id, root) for replay_id, root in load(text)] if text else []
