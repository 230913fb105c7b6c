"""Desk: a store, and few words to say what is sent to it and to ask what it knows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from gateway.event import Event, Lane, Status
from gateway.store.contacts import find_contact
from gateway.store.engine import Store, open_store
from gateway.store.events import list_events, load_event
from gateway.store.orders import find_orders
from gateway.store.tables import metadata
from gateway.worker.apply import Applied, ApplySettings, apply_batch, retake

BEGIN = 1_790_000_000_000_000  # 2026-09-21, in microseconds
SECOND = 1_000_000
Action = dict[str, Any]


def event_id(number: int) -> str:
    return f"evt_{number:026d}"


def make_event(number: int, *actions: Action, root: int | None = None, at: int | None = None, **fields: Any) -> Event:
    """Make the event of this number; `at` is its root's receipt in seconds, by default the root's number."""
    root = number if root is None else root
    fields = {"source": "shop", "status": Status.QUEUED, "body": b"raw"} | fields
    received_at = BEGIN + (root if at is None else at) * SECOND
    return Event(
        id=event_id(number), root=event_id(root), received_at=received_at, actions=orjson.dumps(actions), **fields
    )


class Desk:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.settings = ApplySettings()

    @property
    def share(self) -> int:
        """Say which part of a long test runs here: all on SQLite; what is about order is no other on PostgreSQL."""
        return 1 if self.store.engine.dialect.name == "sqlite" else 6

    def send(self, *events: Event, lane: Lane = Lane.LIVE) -> list[Applied]:
        return apply_batch(self.store, events, settings=self.settings, lane=lane)

    def retake(self, *numbers: int) -> list[Applied]:
        return retake(self.store, [event_id(number) for number in numbers], settings=self.settings)

    def send_and_wake(self, events: Sequence[Event]) -> None:
        """Apply, and retake what was woken, until nothing is left: what the worker does through the queue."""
        applied = self.send(*events)
        while woken := [one for outcome in applied for one in outcome.woken]:
            applied = retake(self.store, woken, settings=self.settings)

    def contact(self, key: str, value: str) -> dict[str, Any]:
        with self.store.reading() as connection:
            found = find_contact(connection, key, value)
        assert found is not None
        return found

    def has_contact(self, key: str, value: str) -> bool:
        with self.store.reading() as connection:
            return find_contact(connection, key, value) is not None

    def orders(self, order_id: str) -> list[dict[str, Any]]:
        with self.store.reading() as connection:
            return find_orders(connection, order_id)

    def event(self, number: int) -> dict[str, Any]:
        with self.store.reading() as connection:
            found = load_event(connection, event_id(number))
        assert found is not None
        return found

    def statuses(self) -> dict[str, str]:
        with self.store.reading() as connection:
            return {event["id"]: event["status"] for event in list_events(connection, limit=1000)}

    def clear(self) -> None:
        with self.store.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())


@contextmanager
def open_desk(url: str) -> Iterator[Desk]:
    """Open a migrated database."""
    store = open_store(url)
    yield Desk(store)
    store.close()


# Actions in wire form, as short as they can be.


def upsert(identifiers: dict[str, str], *, merge: bool = True, force: bool = False, **fields: Any) -> Action:
    return {
        "action": "upsertContact",
        "identifiers": identifiers,
        "forceSubscribe": force,
        "mergeOptions": {"mergeAllowed": merge},
        **fields,
    }


def activity(
    identifiers: dict[str, str], name: str = "view", time: str = "2026-01-01T00:00:00Z", **contact: Any
) -> Action:
    return {
        "action": "createContactactivities",
        "contact": {"identifiers": identifiers, "mergeOptions": {"mergeAllowed": True}, **contact},
        "contactActivities": [{"name": name, "time": time}],
    }


def join(name: str, *people: dict[str, str], **fields: Any) -> Action:
    return {"action": "addContactsToList", "contacts": {"identifiers": list(people)}, "listName": name, **fields}


def leave(name: str, *people: dict[str, str], **fields: Any) -> Action:
    return {
        "action": "removeContactsFromList",
        "contacts": {"identifiers": list(people)},
        "listIdentifier": name,
        **fields,
    }


def order(identifiers: dict[str, str], order_id: str = "727", status: str = "paid", **fields: Any) -> Action:
    return {
        "action": "upsertOrder",
        "contact": {"identifiers": identifiers},
        "orderID": order_id,
        "purchaseDate": "2026-01-01T00:00:00Z",
        "status": status,
        "items": [],
        **fields,
    }


def bought(product: str, qty: int = 1, **fields: Any) -> dict[str, Any]:
    return {"productID": product, "sku": "", "name": "thing", "qty": qty, **fields}


def put(identifiers: dict[str, str], *items: dict[str, Any], whole: bool = False, **fields: Any) -> Action:
    return {
        "action": "addProductsToCart",
        "contact": {"identifiers": identifiers},
        "items": [{"category": "", **item} for item in items],
        "isWholeCart": whole,
        **fields,
    }


def take(identifiers: dict[str, str], *items: dict[str, Any], **fields: Any) -> Action:
    return {
        "action": "removeProductsFromCart",
        "contact": {"identifiers": identifiers},
        "items": [{"productID": item["productID"], "qty": item["qty"]} for item in items],
        **fields,
    }


def records(identifiers: dict[str, str], *documents: dict[str, Any], **fields: Any) -> Action:
    return {
        "action": "upsertSupplementRecords",
        "contact": {"identifiers": identifiers},
        "supplement": "plans",
        "records": list(documents),
        **fields,
    }
