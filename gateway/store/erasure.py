"""Erasure: taking a person out of the tables, and out of what came in.

Takes a connection of `Store.applying`. Deletes a contact with all its effects, empties events that told of
somebody; what is left of orders and records of several people is projected anew by worker/apply. Never decides
who is meant.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, or_, select, update

from gateway.store import dialect
from gateway.store.contacts import delete_contacts
from gateway.store.effects import Kind, Withdrawn
from gateway.store.identifiers import Identifier, find_owners, load_held
from gateway.store.requests import delete_requests, load_requests
from gateway.store.tables import effects, events, identifiers


class Told(NamedTuple):
    """What an event may say of a person, in texts as they lie in the table."""

    id: str
    root: str
    status: str
    actions: str
    others: tuple[str, ...]  # reason, notes, log, trace, tries
    request: tuple[bytes, bytes] | None
    received_at: int
    occurred_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Emptied:
    """What is left of an event: the actions that tell of others."""

    event_id: str
    actions: str
    reason: str | None


def find_people(connection: Connection, named: Collection[Identifier]) -> tuple[set[int], set[Identifier]]:
    """Give the contacts that have one of these identifiers, and all identifiers that those have."""
    contact_ids = set(find_owners(connection, named).values())
    return contact_ids, set(load_held(connection, contact_ids))


def delete_people(connection: Connection, contact_ids: Collection[int]) -> tuple[list[Withdrawn], set[str]]:
    """Delete contacts, their identifiers and effects; gives what those were about, and the events they came of."""
    dialect.overwrite_deleted(connection)
    are_theirs = dialect.one_of(connection, effects.c.contact_id, contact_ids)
    rows = connection.execute(
        select(effects.c.event_id, effects.c.contact_id, effects.c.kind, effects.c.target).where(are_theirs)
    ).all()
    connection.execute(effects.delete().where(are_theirs))
    dialect.delete_one_of(connection, identifiers.c.contact_id, contact_ids)
    delete_contacts(connection, contact_ids)
    gone = [Withdrawn(row.contact_id, Kind(row.kind), row.target) for row in rows]
    return gone, {row.event_id for row in rows}


def load_told(connection: Connection, event_ids: Collection[str], *, with_requests: bool) -> list[Told]:
    """Give these events; and all of their roots, which hold their raw requests."""
    roots = select(events.c.root).where(dialect.one_of(connection, events.c.id, event_ids))
    wanted = select(events).where(or_(events.c.root.in_(roots), dialect.one_of(connection, events.c.id, event_ids)))
    rows = connection.execute(wanted.order_by(events.c.id)).all()
    raw = load_requests(connection, [row.id for row in rows if row.id == row.root]) if with_requests else {}
    return [
        Told(
            row.id,
            row.root,
            row.status,
            row.actions,
            tuple(text for text in (row.reason, row.notes, row.logs, row.trace, row.tries) if text),
            raw.get(row.id),
            row.received_at,
            row.occurred_at,
            row.reason,
        )
        for row in rows
    ]


def list_event_ids(connection: Connection, *, after: str, until: str, limit: int) -> list[str]:
    """Give events that are not emptied yet, made up to `until`, oldest first."""
    chosen = select(events.c.id).where(events.c.id > after, events.c.id <= until, events.c.erased_at.is_(None))
    return list(connection.scalars(chosen.order_by(events.c.id).limit(limit)))


def empty_events(connection: Connection, emptied: Sequence[Emptied], erased_at: int) -> None:
    """Take raw requests, logs, traces, notes and tries away; leave the given actions and reason."""
    if not emptied:
        return
    dialect.overwrite_deleted(connection)
    delete_requests(connection, [one.event_id for one in emptied])
    connection.execute(
        update(events)
        .where(events.c.id == bindparam("emptied"))
        .values(
            actions=bindparam("actions"),
            reason=bindparam("reason"),
            logs=None,
            trace=None,
            notes=None,
            tries=None,
            erased_at=bindparam("at"),
            pruned_at=func.coalesce(events.c.pruned_at, bindparam("at")),
        ),
        [{"emptied": one.event_id, "actions": one.actions, "reason": one.reason, "at": erased_at} for one in emptied],
    )


def count_person(connection: Connection, contact_ids: Iterable[int]) -> dict[str, int]:
    """Count what the ledger holds of a person."""
    are_theirs = dialect.one_of(connection, effects.c.contact_id, list(contact_ids))
    counts = select(func.count(), func.count(effects.c.event_id.distinct())).where(are_theirs)
    many, of_events = connection.execute(counts).one()
    return {"effects": many, "events": of_events}
