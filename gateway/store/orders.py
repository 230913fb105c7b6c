"""Orders, as applying writes them and as people read them.

An order is (origin, order id): two shops both have order 727. Its `target`, a JSON text of the two, is
its key here and in the ledger.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.clock import iso
from gateway.store import dialect
from gateway.store.documents import dump, load
from gateway.store.tables import contacts, orders


@dataclass(slots=True)
class StoredOrder:
    contact_id: int
    values: dict[str, Any]  # status, purchased_at, total, tax, properties, items
    clocks: dict[str, str]  # of each value, and of `contact_id`
    taker: str | None


def load_orders(connection: Connection, targets: Collection[str]) -> dict[str, StoredOrder]:
    if not targets:
        return {}
    rows = connection.execute(select(orders).where(dialect.one_of(connection, orders.c.target, targets)))
    return {row.target: _stored(row) for row in rows}


def _stored(row: Row[Any]) -> StoredOrder:
    clocks = load(row.clocks)
    values = {name: value for name, value in _values(row).items() if name in clocks}
    return StoredOrder(row.contact_id, values, clocks, row.taker)


def _values(row: Row[Any]) -> dict[str, Any]:
    return {
        "status": row.status,
        "purchased_at": row.purchased_at,
        "total": row.total,
        "tax": row.tax,
        "properties": None if row.properties is None else load(row.properties),
        "items": load(row.items),
    }


def load_takers(connection: Connection, targets: Collection[str]) -> dict[str, str | None]:
    """Give, for each order, the clock of the effect that took its items out of the cart."""
    if not targets:
        return {}
    rows = connection.execute(
        select(orders.c.target, orders.c.taker).where(dialect.one_of(connection, orders.c.target, targets))
    )
    return {row.target: row.taker for row in rows}


def save_orders(connection: Connection, changed: Mapping[str, StoredOrder]) -> None:
    dialect.upsert(connection, orders, [_row(target, order) for target, order in changed.items()])


def _row(target: str, order: StoredOrder) -> dict[str, Any]:
    origin, order_id = load(target)
    values = order.values
    properties = values.get("properties")
    return {
        "target": target,
        "origin": origin,
        "order_id": order_id,
        "contact_id": order.contact_id,
        "status": values["status"],
        "purchased_at": values["purchased_at"],
        "total": values.get("total"),
        "tax": values.get("tax"),
        "properties": None if properties is None else dump(properties),
        "items": dump(values["items"]),
        "clocks": dump(order.clocks),
        "taker": order.taker,
    }


def delete_orders(connection: Connection, targets: Collection[str]) -> None:
    dialect.delete_one_of(connection, orders.c.target, targets)


def move_orders(connection: Connection, moves: Mapping[int, int]) -> None:
    if moves:
        connection.execute(
            update(orders).where(orders.c.contact_id == bindparam("loser")).values(contact_id=bindparam("winner")),
            [{"loser": loser, "winner": winner} for loser, winner in moves.items()],
        )


def find_orders(connection: Connection, order_id: str, origin: str | None = None) -> list[dict[str, Any]]:
    """Give the orders of that id, one an origin, each with the identifiers that its contact shows."""
    chosen = select(orders, contacts.c.shown).join(contacts, contacts.c.id == orders.c.contact_id)
    chosen = chosen.where(orders.c.order_id == order_id).order_by(orders.c.origin)
    if origin is not None:
        chosen = chosen.where(orders.c.origin == origin)
    return [show_order(row) | {"contact": {"identifiers": load(row.shown)}} for row in connection.execute(chosen)]


def show_order(row: Row[Any]) -> dict[str, Any]:
    values = _values(row)
    return {
        "origin": row.origin,
        "order_id": row.order_id,
        **values,
        "purchased_at": iso(row.purchased_at),
        "items": [_with_amount(item) for item in values["items"]],
    }


def _with_amount(item: dict[str, Any]) -> dict[str, Any]:
    """Say what the line comes to: quantity × price, where there is a price."""
    if "price" not in item:
        return item
    return item | {"amount": format(Decimal(item["price"]) * item["qty"], "f")}
