"""Persons: all that the ledger and the events hold of one, for who asks what is known of them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.clock import iso
from gateway.store import dialect
from gateway.store.documents import load
from gateway.store.tables import effects, events


def load_person_effects(connection: Connection, contact_ids: Collection[int]) -> list[dict[str, Any]]:
    """Give every effect, oldest first: what was said, by which identifiers, about which order or record."""
    rows = connection.execute(
        select(effects)
        .where(dialect.one_of(connection, effects.c.contact_id, contact_ids))
        .order_by(effects.c.clock, effects.c.event_id)
    )
    return [
        {
            "event_id": row.event_id,
            "kind": row.kind,
            "target": load(row.target) if row.target else None,
            "identifiers": load(row.identifiers),
            "said": load(row.document),
        }
        for row in rows
    ]


def load_person_events(connection: Connection, contact_ids: Collection[int]) -> list[dict[str, Any]]:
    """Give the events that their effects came of, and whether those tell of other contacts too."""
    of_person = select(effects.c.event_id).where(dialect.one_of(connection, effects.c.contact_id, contact_ids))
    people = func.count(effects.c.contact_id.distinct()).label("people")
    crowds = (
        select(effects.c.event_id, people)
        .where(effects.c.event_id.in_(of_person))
        .group_by(effects.c.event_id)
        .subquery()
    )
    rows = connection.execute(
        select(events.c.id, events.c.source, events.c.status, events.c.received_at, crowds.c.people)
        .join(crowds, crowds.c.event_id == events.c.id)
        .order_by(events.c.id)
    )
    return [
        {
            "id": row.id,
            "source": row.source,
            "status": row.status,
            "received_at": iso(row.received_at),
            "tells_of_others": row.people > 1,
        }
        for row in rows
    ]
