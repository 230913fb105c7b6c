"""Exports: events with all that is stored of them, a few at a time, oldest first.

Gives rows as they lie in the table, each beside its raw request, in the order in which a root comes before its
replays. A page is small, because a body may be large.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.store.requests import load_requests
from gateway.store.rows import plain
from gateway.store.tables import events

PAGE_EVENTS = 16


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which events: by source, by status, made from `since` until before `until` (microseconds). None: all."""

    source: str | None = None
    status: str | None = None
    since: int | None = None
    until: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted = {events.c.source: self.source, events.c.status: self.status}
        conditions = [column == value for column, value in wanted.items() if value is not None]
        if self.since is not None:
            conditions.append(events.c.created_at >= self.since)
        if self.until is not None:
            conditions.append(events.c.created_at < self.until)
        return conditions


def count_exported(connection: Connection, chosen: ExportFilter) -> int:
    return connection.scalar(select(func.count()).select_from(events).where(*chosen.conditions())) or 0


def read_page(
    connection: Connection, chosen: ExportFilter, *, after: str, before: str
) -> list[tuple[dict[str, Any], tuple[bytes, bytes] | None]]:
    """Give rows whose ids lie between the two, each with head and body of its request (None for a replay)."""
    page = (
        select(events)
        .where(*chosen.conditions(), events.c.id > after, events.c.id < before)
        .order_by(events.c.id)
        .limit(PAGE_EVENTS)
    )
    rows = [plain(row) for row in connection.execute(page).mappings()]
    raw = load_requests(connection, [row["id"] for row in rows if row["id"] == row["root"]])
    return [(row, raw.get(row["id"])) for row in rows]
