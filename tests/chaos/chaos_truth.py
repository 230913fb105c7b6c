"""Truth: what must be in the database afterwards, whatever happened on the way.

Every event that was answered 202 is there, and its delivery counts exactly once; what was refused is not
there at all; and the people and their orders are those of a fresh database that was told the same events
one after the other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from chaos_senders import PEOPLE, Delivery, email
from sqlalchemy import Row, select

from gateway.event import Event, Lane, Status
from gateway.store.contacts import find_contact
from gateway.store.documents import load
from gateway.store.effects import Kind
from gateway.store.engine import Store, open_store
from gateway.store.migrate import migrate
from gateway.store.tables import effects, events
from gateway.worker.apply import ApplySettings, apply_batch

SETTLED = {"applied", "duplicate"}


def check(store: Store, deliveries: Sequence[Delivery], forged: Sequence[Delivery], folder: Path) -> None:
    stored = _read_events(store)
    check_answered_once(stored, deliveries)
    known = {row.unique_key for row in stored}
    assert not known & {delivery.key for delivery in forged}, "what was not genuine was stored"
    assert not any(delivery.accepted_ids for delivery in forged), "what was not genuine was accepted"
    visits = Counter(f"d-{number}" for number in _visits(store))
    assert max(visits.values(), default=1) == 1, "one delivery told its visit twice"
    assert visits.keys() == known
    fresh = _told_afresh(stored, folder)
    try:
        assert _people(store) == _people(fresh)
    finally:
        fresh.close()


def check_answered_once(stored: Sequence[Row[Any]], deliveries: Iterable[Delivery]) -> None:
    statuses = {row.id: row.status for row in stored}
    counting = Counter(row.unique_key for row in stored if row.status == "applied")
    for delivery in deliveries:
        lost = [event_id for event_id in delivery.accepted_ids if statuses.get(event_id) not in SETTLED]
        assert not lost, [(event_id, statuses.get(event_id), delivery) for event_id in lost]
        if delivery.accepted_ids:
            assert counting[delivery.key] == 1, (counting[delivery.key], delivery)
        assert counting[delivery.key] <= 1, delivery
    assert set(statuses.values()) <= SETTLED, Counter(statuses.values())


def _read_events(store: Store) -> list[Row[Any]]:
    with store.reading() as connection:
        return list(connection.execute(select(events).order_by(events.c.id)))


def _told_afresh(stored: Sequence[Row[Any]], folder: Path) -> Store:
    """Tell a fresh database every event, one after the other in the order of their ids."""
    url = f"sqlite:///{folder / 'afresh.db'}"
    migrate(url)
    fresh = open_store(url)
    for start in range(0, len(stored), 500):
        batch = [_event(row) for row in stored[start : start + 500]]
        apply_batch(fresh, batch, settings=ApplySettings(), lane=Lane.LIVE)
    return fresh


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        root=row.root,
        source=row.source,
        received_at=row.received_at,
        status=Status.QUEUED,
        actions=row.actions.encode(),
        unique_key=row.unique_key,
        occurred_at=row.occurred_at,
    )


def _visits(store: Store) -> list[int]:
    """Give the numbers of all visits in the ledger: a contact shows only its newest."""
    with store.reading() as connection:
        told = connection.scalars(select(effects.c.document).where(effects.c.kind == Kind.ACTIVITY.value))
        return [load(document)["properties"]["number"] for document in told]


def _people(store: Store) -> list[dict[str, Any]]:
    """Give all that is known of everybody, without the times of writing."""
    with store.reading() as connection:
        found = [find_contact(connection, "email", email(person)) for person in range(PEOPLE)]
    return [{name: what for name, what in person.items() if name[-3:] != "_at"} for person in found if person]
