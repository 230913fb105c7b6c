"""The oracle: what the database must say, found the slow way.

`Clerk` is a patient person with a shelf of all events that count. Asked what is known, the clerk takes every
action from the shelf, puts all of them in the order in which they happened, and goes through them once,
naively: a contact that is not there is made, later wins, a cart never goes below zero. No ledger, no clocks
kept, no quick path, nothing remembered between two questions.

Holds where every action that names several identifiers may merge; no limit on values of a key is reached.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from gateway.actions.fields import microseconds
from gateway.clock import iso
from gateway.event import Event, Status

Identifier = tuple[str, str]
Action = dict[str, Any]
IDENTIFYING = ("customId", "email", "phone")


@dataclass
class Person:
    is_made: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)
    memberships: dict[str, bool] = field(default_factory=dict)
    subscriptions: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    cart: dict[str, dict[str, Any]] = field(default_factory=dict)
    activities: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    created_at: int | None = None
    changed_at: int | None = None


@dataclass(frozen=True, order=True)
class Moment:
    at: int
    root: str
    action_index: int


@dataclass
class Book:
    """What the clerk has found out, going through the actions in order."""

    people: dict[Identifier, Person] = field(default_factory=lambda: defaultdict(Person))
    orders: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    records: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)


class Clerk:
    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.status: dict[str, Status] = {}
        self.counting: dict[str, Event] = {}  # delivery -> the event that counts
        self.lists: set[str] = set()
        self._parent: dict[Identifier, Identifier] = {}

    # What comes in

    def receive(self, batch: Sequence[Event]) -> None:
        for event in batch:
            if event.id not in self.events:
                self.events[event.id] = event
                self.status[event.id] = Status.FAILED if event.status is Status.FAILED else Status.WAITING
        while any(self._attempt(self.events[one]) for one in sorted(self.status) if self._waits(one)):
            pass

    def _waits(self, event_id: str) -> bool:
        return self.status[event_id] is Status.WAITING

    def _attempt(self, event: Event) -> bool:
        actions = orjson.loads(event.actions)
        if not self._is_possible(actions):
            return False
        for action in actions:
            for identifiers in named(action):
                self._unite([*identifiers.items(), *further(action).items()])
            if action["action"] == "addContactsToList":
                self.lists.add(action["listName"])
        counting = self.counting.get(event.delivery)
        if counting is not None and counting.rank > event.rank:
            self.status[event.id] = Status.DUPLICATE
            return True
        if counting is not None:
            self.status[counting.id] = Status.DUPLICATE
        self.counting[event.delivery] = event
        self.status[event.id] = Status.APPLIED if actions else Status.IGNORED
        return True

    def _is_possible(self, actions: Sequence[Action]) -> bool:
        known, lists = set(self._parent), set(self.lists)
        for action in actions:
            for identifiers in named(action):
                if not creates(action) and not known & set(identifiers.items()):
                    return False
                known |= set(identifiers.items()) | set(further(action).items())
            if action["action"] == "addContactsToList":
                if not action.get("isAllowedToCreateLists", True) and action["listName"] not in lists:
                    return False
                lists.add(action["listName"])
        return True

    def _unite(self, identifiers: Sequence[Identifier]) -> None:
        for identifier in identifiers:
            self._parent.setdefault(identifier, identifier)
            self._parent[self._find(identifier)] = self._find(identifiers[0])

    def _find(self, identifier: Identifier) -> Identifier:
        while self._parent[identifier] != identifier:
            identifier = self._parent[identifier]
        return identifier

    # What is known

    def find_contacts(self) -> dict[Identifier, dict[str, Any]]:
        """Give, for every identifier, what the reading side has to say of its contact."""
        book, held = self._read_all(), defaultdict(list)
        for identifier in sorted(self._parent):
            held[self._find(identifier)].append(identifier)
        shown = {root: self._show(book, root, names) for root, names in held.items()}
        return {identifier: shown[self._find(identifier)] for identifier in self._parent}

    def find_orders(self, order_id: str) -> list[dict[str, Any]]:
        book = self._read_all()
        return [
            self._show_order(key, order) | {"contact": {"identifiers": book.people[order["whose"]].shown}}
            for key, order in sorted(book.orders.items())
            if key[1] == order_id
        ]

    def _read_all(self) -> Book:
        book, actions = Book(), sorted(self._actions(), key=lambda one: one[0])
        for moment, event, action in actions:
            self._read(book, moment, event, action)
        records = [one for one in actions if one[2]["action"] == "upsertSupplementRecords"]
        self._read_records(book, records)
        return book

    def _actions(self) -> Iterator[tuple[Moment, Event, Action]]:
        for event in self.counting.values():
            for index, action in enumerate(orjson.loads(event.actions)):
                said = instant(action.get("occurredAt"), event.occurred_at)
                at = event.received_at if said is None else min(said, event.received_at)
                yield Moment(at, event.root, index), event, action

    def _read(self, book: Book, moment: Moment, event: Event, action: Action) -> None:
        for identifiers in named(action):
            whose = self._find(next(iter(identifiers.items())))
            person = book.people[whose]
            is_new = creates(action) and not person.is_made
            if is_new:
                person.is_made, person.created_at = True, moment.at
            person.changed_at = moment.at
            person.shown |= identifiers
            match action["action"]:
                case "upsertContact":
                    describe(person, action)
                case "createContactactivities":
                    if action["contact"].get("canBeUpdated", False) or is_new:
                        describe(person, action["contact"])
                    note_activities(person, moment, event, action)
                case "addContactsToList" | "removeContactsFromList":
                    name = action.get("listName") or action["listIdentifier"]
                    person.memberships[name] = action["action"] == "addContactsToList"
                case "addProductsToCart":
                    if action.get("isWholeCart", False):
                        person.cart.clear()
                    change_cart(person, action["items"], 1)
                case "removeProductsFromCart":
                    change_cart(person, action["items"], -1)
                case "upsertOrder":
                    self._read_order(book, person, whose, event, action)

    def _read_order(self, book: Book, person: Person, whose: Identifier, event: Event, action: Action) -> None:
        key = (action.get("source", event.source), action["orderID"])
        if action.get("removeItemsFromCart", True) and key not in book.taken:
            book.taken.add(key)
            change_cart(person, action["items"], -1)
        order = book.orders.setdefault(key, {"total": None})
        order["whose"] = whose
        order["status"], order["items"], order["purchaseDate"] = (
            action["status"],
            action["items"],
            action["purchaseDate"],
        )
        if "totalAmount" in action:
            order["total"] = action["totalAmount"]

    def _read_records(self, book: Book, actions: Sequence[tuple[Moment, Event, Action]]) -> None:
        dated = []
        for moment, event, action in actions:
            for index, record in enumerate(action["records"]):
                said = instant(record[action["updatedDateField"]]) if "updatedDateField" in action else None
                at = moment.at if said is None else min(said, event.received_at)
                dated.append((at, moment, index, record, event, action))
        for *_, record, event, action in sorted(dated, key=lambda one: one[:3]):
            key = (action.get("source", event.source), action["supplement"], str(record["id"]))
            held = book.records.setdefault(key, {"record": {}})
            held["whose"] = self._find(next(iter(action["contact"]["identifiers"].items())))
            held["record"] |= record

    # How it is shown

    def _show(self, book: Book, root: Identifier, names: Sequence[Identifier]) -> dict[str, Any]:
        person, all_identifiers = book.people[root], defaultdict(list)
        for key, value in names:
            all_identifiers[key].append(value)
        return {
            "identifiers": person.shown,
            "all_identifiers": dict(all_identifiers),
            "attributes": {name: value for name, value in person.attributes.items() if self._is_shown(name, value)},
            "subscriptions": person.subscriptions,
            "lists": sorted(name for name, is_on in person.memberships.items() if is_on and name in self.lists),
            "cart": [{"product_id": product, **line} for product, line in sorted(person.cart.items())],
            "orders": [
                self._show_order(key, order) for key, order in sorted(book.orders.items()) if order["whose"] == root
            ],
            "supplements": [
                {"origin": key[0], "supplement": key[1], "record": held["record"]}
                for key, held in sorted(book.records.items())
                if held["whose"] == root
            ],
            "activities": [shown for _, shown in sorted(person.activities, key=lambda one: one[0], reverse=True)],
            "created_at": iso(person.created_at),
            "changed_at": iso(person.changed_at),
        }

    def _is_shown(self, name: str, value: Any) -> bool:
        return value is not None and not (isinstance(value, bool) and name in self.lists)

    def _show_order(self, key: tuple[str, str], order: dict[str, Any]) -> dict[str, Any]:
        return {
            "origin": key[0],
            "order_id": key[1],
            "status": order["status"],
            "purchased_at": iso(instant(order["purchaseDate"])),
            "total": order["total"],
            "tax": None,
            "properties": None,
            "items": [
                {"product_id": item["productID"], "sku": "", "name": item["name"], "qty": item["qty"]}
                for item in order["items"]
            ],
        }


def instant(text: str | None, default: int | None = None) -> int | None:
    return default if text is None else microseconds(datetime.fromisoformat(text))


def named(action: Action) -> list[dict[str, str]]:
    """Give the identifiers of each contact that the action names."""
    if "contacts" in action:
        identifiers: list[dict[str, str]] = action["contacts"]["identifiers"]
        return identifiers
    return [action.get("contact", action)["identifiers"]]


def creates(action: Action) -> bool:
    return action["action"] != "createContactactivities" or action["contact"].get("canBeCreated", False)


def further(action: Action) -> dict[str, str]:
    """Give the attributes that name the contact as well, if they may ever count."""
    contact = action.get("contact", action)
    is_upsert = action["action"] == "upsertContact"
    if not (is_upsert or contact.get("canBeCreated", False) or contact.get("canBeUpdated", False)):
        return {}
    return {key: value for key, value in contact.get("attributes", {}).items() if key in IDENTIFYING}


def describe(person: Person, contact: dict[str, Any]) -> None:
    for name, value in contact.get("attributes", {}).items():
        if name in IDENTIFYING:
            person.shown[name] = value
        elif name == "channels.email.subscribeStatus":
            was_lost = person.subscriptions.get("email") == "unsubscribed"
            if value == "unsubscribed" or not was_lost or contact.get("forceSubscribe", False):
                person.subscriptions["email"] = value
        else:
            person.attributes[name] = value
            if isinstance(value, bool):
                person.memberships[name] = value


def note_activities(person: Person, moment: Moment, event: Event, action: Action) -> None:
    for index, activity in enumerate(action["contactActivities"], 1):
        shown = {
            "name": activity["name"],
            "time": iso(instant(activity["time"])),
            "properties": activity.get("properties", {}),
            "geo": {},
            "device": {},
            "origin": action.get("source", event.source),
            "event_id": event.id,
        }
        person.activities.append(((instant(activity["time"]), moment, index), shown))


def change_cart(person: Person, items: Sequence[dict[str, Any]], sign: int) -> None:
    for item in items:
        line = person.cart.setdefault(item["productID"], {"qty": 0})
        line["qty"] = max(0, line["qty"] + sign * item["qty"])
        if sign > 0:
            line |= {"sku": "", "name": item["name"], "category": ""}
        if not line["qty"]:
            del person.cart[item["productID"]]
