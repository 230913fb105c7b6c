"""Orders: what a contact bought. Every field is a register, and so is whose order it is.

The first effect of an order that asks for it (the lowest clock) takes the items out of the cart: its
taker. An effect that is older than the taker, and asks as well, makes `step` say no.
"""

from collections.abc import Iterator
from typing import Any

from gateway.actions.fields import microseconds
from gateway.actions.orders import OrderItem, UpsertOrder
from gateway.store.documents import dump
from gateway.store.effects import Effect, Kind
from gateway.store.orders import StoredOrder
from gateway.worker.apply.telling import Telling

CONTACT = "contact_id"  # the clock of whose order it is


def tell(telling: Telling, action: UpsertOrder) -> Iterator[Effect]:
    who = telling.contact(action.contact)
    document = {"values": _values(action), "takes": action.takes_from_cart}
    yield telling.effect(who, Kind.ORDER, document, target=dump([telling.origin, action.order_id]))


def _values(action: UpsertOrder) -> dict[str, Any]:
    """Write the fields that the action names; null says nothing of an order."""
    values = {
        "status": action.status,
        "purchased_at": microseconds(action.purchased_at),
        "items": [_item(item) for item in action.items],
        "total": None if action.total is None else format(action.total, "f"),
        "tax": None if action.tax is None else format(action.tax, "f"),
        "properties": action.properties,
    }
    return {name: value for name, value in values.items() if value is not None}


def _item(item: OrderItem) -> dict[str, Any]:
    fields = {name: value for name, value in vars(item).items() if value is not None}
    if item.price is not None:
        fields["price"] = format(item.price, "f")
    return fields


def step(order: StoredOrder | None, effect: Effect) -> StoredOrder:
    """Hear one effect on an order: the newest clock wins, per field; the lowest that asks is the taker."""
    if order is None:
        order = StoredOrder(effect.contact_id, {}, {}, None)
    for name, value in effect.document["values"].items():
        if effect.clock > order.clocks.get(name, ""):
            order.values[name], order.clocks[name] = value, effect.clock
    if effect.clock > order.clocks.get(CONTACT, ""):
        order.contact_id, order.clocks[CONTACT] = effect.contact_id, effect.clock
    if effect.document["takes"] and (order.taker is None or effect.clock < order.taker):
        order.taker = effect.clock
    return order
