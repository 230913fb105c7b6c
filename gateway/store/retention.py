"""Retention: what is old, or too much, and takes leave: raw requests, logs, traces and notes.

Takes an applying transaction and takes at most so many events a step, so that applying never waits long.
The event itself stays, with its id, root, unique key, status, actions and effects; it says when it was
pruned. What is held or waits is not done yet and is left alone. On SQLite the pages that become free are
used again by what comes next; the file itself does not shrink.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Select, func, select, update

from gateway.ids import first_event_id_at
from gateway.store import dialect
from gateway.store.pending import IS_PENDING
from gateway.store.requests import delete_requests, read_request_bytes
from gateway.store.tables import events, requests, sources

DAY = 24 * 3600 * 1_000_000


def prune_old(connection: Connection, *, now: int, days: int, limit: int) -> int:
    """Prune the oldest that are past the days of their source (`days` where it names none); gives how many."""
    own_days = _load_own_days(connection)
    doomed: list[str] = []
    for source in _unpruned_sources(connection):
        before = first_event_id_at(now - own_days.get(source, days) * DAY)
        doomed += connection.scalars(_oldest(source, before).limit(limit - len(doomed)))
        if len(doomed) == limit:
            break
    _prune(connection, doomed, now)
    return len(doomed)


def prune_most(connection: Connection, *, now: int, bytes_max: int, limit: int) -> int:
    """Prune the oldest raw requests while all of them together hold more than `bytes_max`; gives how many."""
    excess = read_request_bytes(connection) - bytes_max
    if excess <= 0:
        return 0
    size = (func.length(requests.c.head_blob) + func.length(requests.c.body_blob)).label("size")
    oldest = (
        select(requests.c.event_id, size)
        .join(events, events.c.id == requests.c.event_id)
        .where(~IS_PENDING)
        .order_by(requests.c.event_id)
        .limit(limit)
    )
    doomed = []
    for event_id, freed in connection.execute(oldest):
        doomed.append(event_id)
        excess -= freed
        if excess <= 0:
            break
    _prune(connection, doomed, now)
    return len(doomed)


def _load_own_days(connection: Connection) -> Mapping[str, int]:
    rows = connection.execute(
        select(sources.c.name, sources.c.retention_days).where(sources.c.retention_days.is_not(None))
    )
    return {name: days for name, days in rows if days is not None}


def _unpruned_sources(connection: Connection) -> Iterator[str]:
    """Give every source that has something left: from one to the next in the index, not event by event."""
    source = ""
    while source := connection.scalar(
        select(func.min(events.c.source)).where(events.c.pruned_at.is_(None), events.c.source > source)
    ):
        yield source


def _oldest(source: str, before: str) -> Select[tuple[str]]:
    return (
        select(events.c.id)
        .where(
            events.c.pruned_at.is_(None),
            events.c.source == source,
            events.c.id < before,
            ~IS_PENDING,
        )
        .order_by(events.c.id)
    )


def _prune(connection: Connection, event_ids: list[str], now: int) -> None:
    if event_ids:
        delete_requests(connection, event_ids)
        connection.execute(
            update(events)
            .where(dialect.one_of(connection, events.c.id, event_ids))
            .values(trace=None, logs=None, notes=None, pruned_at=func.coalesce(events.c.pruned_at, now))
        )
