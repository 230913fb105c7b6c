"""Pending: events that are stored and not applied: held, waiting or failed.

Gives the ids of those that could be applied now, gives up on those that have waited too long, and discards
those that a person wants no more.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Select, and_, case, func, select, update

from gateway.event import Status
from gateway.store import dialect
from gateway.store.documents import clean
from gateway.store.tables import events, identifiers, is_standing, lists, sources, waits

# One sweep a minute takes them up; what is past this waits for the next one.
STRAGGLERS_MAX = 10_000

IS_PENDING = events.c.status.in_((Status.HELD.value, Status.WAITING.value))
# What has no effects: a person may say that it shall have none.
DISCARDABLE = (Status.FAILED, Status.WAITING, Status.HELD)


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that is stored and not applied; how much there is to apply, as `Event.weight` has it, and to read."""

    id: str
    source: str
    weight: int
    size: int


def weigh(connection: Connection, event_ids: Collection[str]) -> list[Stored]:
    """Give of these ids what is held or waits, oldest first."""
    size = func.length(events.c.actions)
    brackets = size - func.length(func.replace(events.c.actions, "{", ""))
    chosen = select(events.c.id, events.c.source, brackets + 1, size).where(
        dialect.one_of(connection, events.c.id, event_ids), IS_PENDING
    )
    return [Stored(*row) for row in connection.execute(chosen.order_by(events.c.id))]


def list_held(connection: Connection, source: str, after: str, limit: int) -> list[str]:
    """Give what is held of a source, oldest first; the next page begins after the last id of this one."""
    chosen = select(events.c.id).where(
        events.c.source == source, events.c.status == Status.HELD.value, events.c.id > after
    )
    return list(connection.scalars(chosen.order_by(events.c.id).limit(limit)))


def list_stragglers(connection: Connection) -> list[str]:
    """Give what is held though its source runs, and what waits for something that is there; oldest first."""
    found: set[str] = set()
    kinds = (_held, _waiting_for_nothing, _waiting_for_a_contact, _waiting_for_a_list, _waiting_for_a_merge)
    for chosen in (kind() for kind in kinds):
        found.update(connection.scalars(chosen.limit(STRAGGLERS_MAX)))
    return sorted(found)[:STRAGGLERS_MAX]


def _held() -> Select[tuple[str]]:
    paused = select(sources.c.name).where(sources.c.state == "paused")
    return select(events.c.id).where(events.c.status == Status.HELD.value, events.c.source.not_in(paused))


def _waiting_for_nothing() -> Select[tuple[str]]:
    lacks = select(waits.c.event_id).where(waits.c.event_id == events.c.id).exists()
    return select(events.c.id).where(events.c.status == Status.WAITING.value, ~lacks)


_is_same = and_(identifiers.c.value == waits.c.name, identifiers.c.key == waits.c.key)


def _waiting_for_a_contact() -> Select[tuple[str]]:
    return select(waits.c.event_id).join(identifiers, _is_same).where(waits.c.kind == "contact")


def _waiting_for_a_list() -> Select[tuple[str]]:
    return select(waits.c.event_id).join(lists, lists.c.name == waits.c.name).where(waits.c.kind == "list")


def _waiting_for_a_merge() -> Select[tuple[str]]:
    """Those whose identifiers, all of different contacts when it began to wait, belong to one by now."""
    return (
        select(waits.c.event_id)
        .join(identifiers, _is_same)
        .where(waits.c.kind == "merge")
        .group_by(waits.c.event_id)
        .having(func.count(identifiers.c.contact_id.distinct()) == 1)
    )


def forget_waits(connection: Connection, event_ids: Collection[str]) -> None:
    """Let these wait for nothing: whoever takes them up, at the latest the next sweep, finds out what they lack now."""
    dialect.delete_one_of(connection, waits.c.event_id, event_ids)


def fail_waiting(connection: Connection, *, before: int) -> int:
    """Give up on what has waited since before a time (microseconds); gives how many.

    An event whose delivery is told by another one is its duplicate rather than a failure.
    """
    standing = events.alias("standing")
    is_told = select(standing.c.id).where(standing.c.delivery == events.c.delivery, is_standing("standing")).exists()
    are_late = (events.c.status == Status.WAITING.value) & (events.c.created_at < before)
    connection.execute(waits.delete().where(waits.c.event_id.in_(select(events.c.id).where(are_late))))
    return connection.execute(
        update(events)
        .where(are_late)
        .values(
            status=case((is_told, Status.DUPLICATE.value), else_=Status.FAILED.value),
            stage=case((is_told, None), else_="apply"),
            reason="given up: " + func.coalesce(events.c.reason, "waited"),
        )
    ).rowcount


def list_discardable(
    connection: Connection,
    *,
    source: str | None = None,
    status: str | None = None,
    since: int | None = None,
    after: str = "",
    until: str,
    limit: int,
) -> list[str]:
    """Give what may be discarded, made before `until`, oldest first; the next page begins after the last id."""
    chosen = _discardable(source, status, since).where(events.c.id > after, events.c.id < until)
    return list(connection.scalars(chosen.order_by(events.c.id).limit(limit)))


def count_discardable(
    connection: Connection, *, source: str | None = None, status: str | None = None, since: int | None = None
) -> int:
    chosen = _discardable(source, status, since).subquery()
    return connection.scalar(select(func.count()).select_from(chosen)) or 0


def _discardable(source: str | None, status: str | None, since: int | None) -> Select[tuple[str]]:
    statuses = [one.value for one in DISCARDABLE] if status is None else [status]
    chosen = select(events.c.id).where(events.c.status.in_(statuses))
    if source is not None:
        chosen = chosen.where(events.c.source == source)
    return chosen if since is None else chosen.where(events.c.created_at >= since)


def discard(connection: Connection, event_ids: Collection[str], reason: str) -> int:
    """Let these never be applied, those that still may be discarded; gives how many. In an applying transaction."""
    if not event_ids:
        return 0
    dialect.delete_one_of(connection, waits.c.event_id, event_ids)
    return connection.execute(
        update(events)
        .where(
            dialect.one_of(connection, events.c.id, event_ids),
            events.c.status.in_([status.value for status in DISCARDABLE]),
        )
        .values(status=Status.DISCARDED.value, reason=clean(reason))
    ).rowcount
