"""Contacts, as applying writes them and as people read them.

A contact's `state` is what applying needs to know of it: every value with its clock. The other columns
are what that comes to, ready to be shown. Never decides anything: worker/apply does.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from gateway.clock import iso
from gateway.store import dialect
from gateway.store.documents import dump, load
from gateway.store.effects import Kind
from gateway.store.identifiers import load_held
from gateway.store.lists import find_lists
from gateway.store.orders import show_order
from gateway.store.supplements import list_records
from gateway.store.tables import contacts, effects, identifiers, memberships, orders

# An active person has thousands of activities, a till's guest account as many orders: a page shows the newest.
ACTIVITIES_MAX = 100
ORDERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class ContactRecord:
    id: int
    attributes: dict[str, Any]
    subscriptions: dict[str, str]
    shown: dict[str, str]
    cart: dict[str, Any]
    state: dict[str, Any]
    created_at: int | None
    changed_at: int | None


def newest_contact_id(connection: Connection) -> int:
    return connection.scalar(select(contacts.c.id).order_by(contacts.c.id.desc()).limit(1)) or 0


def load_states(connection: Connection, contact_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    if not contact_ids:
        return {}
    rows = connection.execute(
        select(contacts.c.id, contacts.c.state).where(dialect.one_of(connection, contacts.c.id, contact_ids))
    )
    return {contact_id: load(state) for contact_id, state in rows}


def load_shown(connection: Connection, contact_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Give the identifiers that these contacts show."""
    if not contact_ids:
        return {}
    chosen = select(contacts.c.id, contacts.c.shown).where(dialect.one_of(connection, contacts.c.id, contact_ids))
    return {row.id: load(row.shown) for row in connection.execute(chosen)}


def save_contacts(connection: Connection, changed: Collection[ContactRecord]) -> None:
    rows = [
        {
            "id": contact.id,
            "attributes": dump(contact.attributes),
            "subscriptions": dump(contact.subscriptions),
            "shown": dump(contact.shown),
            "cart": dump(contact.cart),
            "state": dump(contact.state),
            "created_at": contact.created_at,
            "changed_at": contact.changed_at,
        }
        for contact in changed
    ]
    dialect.upsert(connection, contacts, rows)


def delete_contacts(connection: Connection, contact_ids: Collection[int]) -> None:
    """Delete the rows of merged contacts; what they held has been moved."""
    dialect.delete_one_of(connection, memberships.c.contact_id, contact_ids)
    dialect.delete_one_of(connection, contacts.c.id, contact_ids)


def list_newest_contacts(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Give the contacts that were made last: their identifiers as shown, and when something was last said of them."""
    rows = connection.execute(
        select(contacts.c.id, contacts.c.shown, contacts.c.changed_at).order_by(contacts.c.id.desc()).limit(limit)
    )
    return [
        {"id": row.id, "identifiers": load(row.shown), "changed_at": iso(row.changed_at)}
        for row in rows
        if row.shown != "{}"
    ]


def find_contact(connection: Connection, key: str, value: str) -> dict[str, Any] | None:
    """Give all that is known of the contact to whom this identifier ever belonged; None if there is none."""
    row = connection.execute(
        select(contacts)
        .join(identifiers, identifiers.c.contact_id == contacts.c.id)
        .where(identifiers.c.value == value, identifiers.c.key == key)
    ).one_or_none()
    if row is None:
        return None
    attributes, lists = _shown_once(connection, row.id, load(row.attributes))
    return {
        "identifiers": load(row.shown),
        "all_identifiers": _all_identifiers(connection, row.id),
        "attributes": attributes,
        "subscriptions": load(row.subscriptions),
        "lists": lists,
        "cart": [_cart_line(product, *line) for product, line in load(row.cart).items()],
        "orders": _orders(connection, row.id),
        "supplements": list_records(connection, row.id),
        "activities": _activities(connection, row.id),
        "created_at": iso(row.created_at),
        "changed_at": iso(row.changed_at),
    }


def _all_identifiers(connection: Connection, contact_id: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in sorted(load_held(connection, [contact_id])):
        found.setdefault(key, []).append(value)
    return found


def _shown_once(
    connection: Connection, contact_id: int, attributes: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Show a boolean attribute as the list of that name where there is one, else as what it is."""
    joined = set(connection.scalars(select(memberships.c.list).where(memberships.c.contact_id == contact_id)))
    flags = {name for name, value in attributes.items() if isinstance(value, bool)}
    existing = find_lists(connection, joined | flags)
    shown = {name: value for name, value in attributes.items() if not (name in flags and name in existing)}
    return shown, sorted(joined & existing)


def _cart_line(product_id: str, qty: int, item: Mapping[str, Any]) -> dict[str, Any]:
    return {"product_id": product_id, "qty": qty, **item}


def _orders(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(orders)
        .where(orders.c.contact_id == contact_id)
        .order_by(orders.c.purchased_at.desc(), orders.c.origin, orders.c.order_id)
        .limit(ORDERS_MAX)
    )
    return [show_order(row) for row in rows]


def _activities(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(effects.c.event_id, effects.c.document)
        .where(effects.c.contact_id == contact_id, effects.c.kind == Kind.ACTIVITY.value)
        .order_by(effects.c.clock.desc())
        .limit(ACTIVITIES_MAX)
    )
    return [load(document) | {"event_id": event_id} for event_id, document in rows]
