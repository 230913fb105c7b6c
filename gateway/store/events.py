"""Events, as people read them: one in full, many by page.

Takes a connection of `Store.reading`, gives plain dicts that are ready for JSON: snake_case, times in
ISO 8601 UTC. What becomes of an event is not written here but by `rulings`.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Row, Select, and_, case, func, select, union_all

from gateway.clock import iso
from gateway.event import Status
from gateway.store import dialect
from gateway.store.documents import load, load_sent
from gateway.store.tables import events, is_standing, waits
from gateway.store.tries import show_tries

_standing = events.alias("standing")
_is_standing = and_(_standing.c.delivery == events.c.delivery, is_standing("standing"))
_LISTED = [
    events.c[name]
    for name in (
        *("id", "root", "source", "version_id", "key_id", "lane", "status", "stage", "reason", "failed_action"),
        *("unique_key", "is_in_force", "received_at", "occurred_at", "created_at", "applied_at", "attempts"),
        *("pruned_at", "erased_at", "edited_from", "bookmarked_at", "issue", "bulk_id"),
    )
]
_ALL = [*_LISTED, *(events.c[name] for name in ("trace", "logs", "notes", "tries", "is_authenticated", "actions"))]


def load_event(connection: Connection, event_id: str) -> dict[str, Any] | None:
    """Give one event in full, None where it is not stored (yet: it may still be queued)."""
    row = connection.execute(_with_standing(_ALL).where(events.c.id == event_id)).one_or_none()
    if row is None:
        return None
    return _shown(row) | {
        "received_us": row.received_at,
        "trace": _readable(row.trace) if row.trace else None,
        "logs": row.logs or "",
        "notes": load(row.notes) if row.notes else [],
        "is_authenticated": row.is_authenticated,
        "actions": _readable(row.actions),
        "attempts": show_tries(row.tries),
        "waits_for": _waits_for(connection, event_id),
    }


def _waits_for(connection: Connection, event_id: str) -> list[dict[str, str]]:
    rows = connection.execute(
        select(waits.c.kind, waits.c.key, waits.c.name)
        .where(waits.c.event_id == event_id)
        .order_by(waits.c.key, waits.c.name)
    )
    return [{"kind": kind, "name": f"{key}:{name}" if key else name} for kind, key, name in rows]


def _readable(text: str) -> Any:
    """Read JSON; of an event that failed before it was checked it may be any text."""
    try:
        return load_sent(text)
    except ValueError:
        return text


def list_events(
    connection: Connection,
    *,
    source: str | None = None,
    status: str | None = None,
    since: int | None = None,
    limit: int = 50,
    before_id: str | None = None,
) -> list[dict[str, Any]]:
    """Give a page, newest first: the next one begins before the last id of this one. `since` is in microseconds."""
    wanted = _conditions(source, status, since)
    if before_id is not None:
        wanted.append(events.c.id < before_id)
    if source is not None and status is None:
        wanted = [events.c.id.in_(_newest_of_each_status(wanted, limit))]
    chosen = _with_standing(_LISTED).where(*wanted)
    return [_shown(row) for row in connection.execute(chosen.order_by(events.c.id.desc()).limit(limit))]


def _newest_of_each_status(wanted: Sequence[ColumnElement[bool]], limit: int) -> CompoundSelect[Any]:
    """Name the newest of each status: so the index of a source has them in order, and nothing is sorted."""
    newest = select(events.c.id).order_by(events.c.id.desc()).limit(limit)
    parts = (newest.where(*wanted, events.c.status == status.value).subquery() for status in Status)
    return union_all(*(select(part.c.id) for part in parts))


def load_listed(connection: Connection, event_ids: Collection[str]) -> list[dict[str, Any]]:
    """Give these events as a page lists them, newest first; one that is not stored is not given."""
    if not event_ids:
        return []
    chosen = _with_standing(_LISTED).where(dialect.one_of(connection, events.c.id, event_ids))
    return [_shown(row) for row in connection.execute(chosen.order_by(events.c.id.desc()))]


def count_by_source(connection: Connection, status: str) -> dict[str, int]:
    """Count the events of a status by source."""
    rows = connection.execute(
        select(events.c.source, func.count().label("many")).where(events.c.status == status).group_by(events.c.source)
    )
    return {row.source: row.many for row in rows}


def count_by_status(connection: Connection, source: str | None = None) -> dict[str, int]:
    """Count events by status; a status that no event has is not named."""
    rows = connection.execute(
        select(events.c.status, func.count().label("many"))
        .where(*_conditions(source, None, None))
        .group_by(events.c.status)
    )
    return {row.status: row.many for row in rows}


def find_told_keys(connection: Connection, root: str) -> list[str | None]:
    """Give the unique keys under which a request has told something, oldest first; none while all its events failed.

    A replay belongs to the delivery that its request is known by, whatever the manifest says by now.
    """
    failed = (Status.FAILED.value, Status.DISCARDED.value)
    told = select(events.c.unique_key).where(events.c.root == root, events.c.status.not_in(failed))
    return list(connection.scalars(told.order_by(events.c.id)))


def _with_standing(columns: list[Any]) -> Select[Any]:
    """Select events, each beside the one that counts instead of it."""
    replaced_by = case((_standing.c.id != events.c.id, _standing.c.id)).label("replaced_by")
    return select(*columns, replaced_by).select_from(events.outerjoin(_standing, _is_standing))


def _conditions(source: str | None, status: str | None, since: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if source is not None:
        conditions.append(events.c.source == source)
    if status is not None:
        conditions.append(events.c.status == status)
    if since is not None:
        conditions.append(events.c.created_at >= since)
    return conditions


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "root": row.root,
        "replay_of": row.root if row.root != row.id else None,
        "replaced_by": row.replaced_by,
        "source": row.source,
        "version_id": row.version_id,
        "key_id": row.key_id,
        "lane": row.lane,
        "status": row.status,
        "stage": row.stage,
        "reason": row.reason,
        "failed_action": row.failed_action,
        "unique_key": row.unique_key,
        "is_in_force": row.is_in_force,
        "received_at": iso(row.received_at),
        "occurred_at": iso(row.occurred_at),
        "created_at": iso(row.created_at),
        "applied_at": iso(row.applied_at),
        "attempt_count": row.attempts,
        "pruned_at": iso(row.pruned_at),
        "erased_at": iso(row.erased_at),
        "edited_from": row.edited_from,
        "bookmarked_at": iso(row.bookmarked_at),
        "issue": row.issue,
        "bulk_id": row.bulk_id,
    }
