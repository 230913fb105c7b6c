"""Rulings: what applying decided on each event, and what it needs to know to decide.

Takes events with their ruling, gives what is stored of them. One transaction applies at a time (see
`engine.Store.writing`), so that what is read here holds until the commit; the primary key and the
unique index on what is in force stand behind it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update
from ulid import ULID

from gateway import clock
from gateway.event import Event, Lane, Status
from gateway.store import dialect
from gateway.store.documents import clean, dump
from gateway.store.identifiers import Identifier
from gateway.store.issues import Failure, file_failures
from gateway.store.pending import IS_PENDING
from gateway.store.requests import is_gone, save_requests
from gateway.store.tables import events, is_standing, sources, waits
from gateway.store.tries import Tries, read_tries


@dataclass(slots=True)
class Ruling:
    """What became of an event. `waits_for` is the kind of thing it lacks and the names that would bring it."""

    event: Event
    status: Status
    is_new: bool = True
    tries: Tries = field(default_factory=Tries)
    # How the attempts of this transaction ended: why they came to nothing, None for one that did not.
    outcomes: list[str | None] = field(default_factory=list)
    stage: str | None = None
    reason: str | None = None
    failed_action: int | None = None
    notes: list[str] = field(default_factory=list)
    is_in_force: bool = False
    applied_at: int | None = None
    waits_for: tuple[str, tuple[Identifier, ...]] | None = None
    is_erased: bool = False  # it tells of somebody who was erased: what it says of them goes


class Standing(NamedTuple):
    """The event of a delivery that is in force."""

    id: str
    root: str

    @property
    def rank(self) -> tuple[bool, str]:
        return Event(self.id, self.root, source="", received_at=0, status=Status.APPLIED).rank


class Stored(NamedTuple):
    status: Status
    reason: str | None


def find_known(connection: Connection, event_ids: Collection[str]) -> dict[str, Stored]:
    rows = connection.execute(
        select(events.c.id, events.c.status, events.c.reason).where(dialect.one_of(connection, events.c.id, event_ids))
    )
    return {event_id: Stored(Status(status), reason) for event_id, status, reason in rows}


def find_standing(connection: Connection, deliveries: Collection[str]) -> dict[str, Standing]:
    if not deliveries:
        return {}
    rows = connection.execute(
        select(events.c.delivery, events.c.id, events.c.root).where(
            dialect.one_of(connection, events.c.delivery, deliveries), is_standing()
        )
    )
    return {delivery: Standing(event_id, root) for delivery, event_id, root in rows}


def find_paused(connection: Connection, names: Collection[str]) -> set[str]:
    """Give those of the sources that are paused now."""
    return set(
        connection.scalars(
            select(sources.c.name).where(dialect.one_of(connection, sources.c.name, names), sources.c.state == "paused")
        )
    )


def load_pending(connection: Connection, event_ids: Collection[str]) -> list[Ruling]:
    """Give those of the events that are held or waiting, oldest first, without their bodies."""
    if not event_ids:
        return []
    rows = connection.execute(
        select(events).where(dialect.one_of(connection, events.c.id, event_ids), IS_PENDING).order_by(events.c.id)
    )
    return [
        Ruling(
            _event(row),
            Status(row.status),
            is_new=False,
            tries=read_tries(row.attempts, row.tries),
            reason=row.reason,
        )
        for row in rows
    ]


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        root=row.root,
        source=row.source,
        received_at=row.received_at,
        status=Status.QUEUED,
        actions=row.actions.encode(),
        version_id=row.version_id,
        unique_key=row.unique_key,
        occurred_at=row.occurred_at,
        is_authenticated=row.is_authenticated,
        key_id=row.key_id,
    )


def find_waiting(connection: Connection, brought: Collection[Identifier]) -> list[str]:
    """Give the events that wait for one of these identifiers or lists (empty key), oldest first."""
    if not brought:
        return []
    rows = connection.execute(
        select(waits.c.event_id, waits.c.key, waits.c.name).where(
            dialect.one_of(connection, waits.c.name, {name for _, name in brought})
        )
    )
    return sorted({event_id for event_id, key, name in rows if (key, name) in brought})


def save_rulings(connection: Connection, rulings: Collection[Ruling], replaced: Collection[str], lane: Lane) -> None:
    """Write events and rulings. What is replaced steps back first: a delivery has one event in force."""
    if replaced:
        connection.execute(
            update(events)
            .where(dialect.one_of(connection, events.c.id, replaced))
            .values(status=Status.DUPLICATE.value, is_in_force=False)
        )
    new = [ruling for ruling in rulings if ruling.is_new]
    dialect.insert_rows(connection, events, [_new_row(ruling, lane) for ruling in new])
    old = [_ruled(ruling) | {"ruled": ruling.event.id} for ruling in rulings if not ruling.is_new]
    if old:
        connection.execute(
            update(events)
            .where(events.c.id == bindparam("ruled"))
            .values({name: bindparam(name) for name in old[0] if name != "ruled"}),
            old,
        )
    file_failures(connection, [failure for ruling in rulings if (failure := _failure(ruling)) is not None])
    save_requests(connection, [ruling.event for ruling in new if not ruling.event.is_replay])
    _save_waits(connection, rulings)


def _new_row(ruling: Ruling, lane: Lane) -> dict[str, Any]:
    event = ruling.event
    return _ruled(ruling) | {
        "id": event.id,
        "root": event.root,
        "source": event.source,
        "version_id": event.version_id,
        "key_id": event.key_id,
        "lane": lane.value,
        "trace": _text(event.trace),
        "logs": _text(event.logs) or None,
        "is_authenticated": event.is_authenticated,
        "actions": _text(event.actions.decode(errors="replace")),
        "delivery": event.delivery,
        "unique_key": event.unique_key,
        "received_at": event.received_at,
        "occurred_at": event.occurred_at,
        "created_at": _created_at(event),
        "edited_from": event.edited_from,
        "pruned_at": clock.now() if is_gone(event) else None,
        "bulk_id": event.bulk_id,
    }


def _created_at(event: Event) -> int:
    return _minted_at(event.id) if event.is_replay else event.received_at


def _failure(ruling: Ruling) -> Failure | None:
    if ruling.status is not Status.FAILED:
        return None
    event = ruling.event
    stage, reason = ruling.stage or "", _text(ruling.reason) or ""
    return Failure(event.id, event.source, event.version_id, stage, reason, event.trace, _created_at(event))


def _ruled(ruling: Ruling) -> dict[str, Any]:
    failure = _failure(ruling)
    return {
        "issue": failure and failure.issue_id,
        "status": ruling.status.value,
        "stage": ruling.stage,
        "reason": _text(ruling.reason),
        "notes": dump(ruling.notes) if ruling.notes else None,
        "failed_action": ruling.failed_action,
        "is_in_force": ruling.is_in_force,
        "applied_at": ruling.applied_at,
        "attempts": ruling.tries.count,
        "tries": ruling.tries.dump(),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _minted_at(event_id: str) -> int:
    """Read from a replay's id when it was made: received_at is its root's."""
    return int(ULID.from_str(event_id.removeprefix("evt_")).milliseconds) * 1000


def _save_waits(connection: Connection, rulings: Collection[Ruling]) -> None:
    """Write what each event waits for now, in place of what it waited for before."""
    dialect.delete_one_of(connection, waits.c.event_id, [r.event.id for r in rulings if not r.is_new])
    rows = [
        {"event_id": ruling.event.id, "kind": ruling.waits_for[0], "key": key, "name": name}
        for ruling in rulings
        if ruling.waits_for is not None
        for key, name in dict.fromkeys(ruling.waits_for[1])
    ]
    dialect.insert_rows(connection, waits, rows)
