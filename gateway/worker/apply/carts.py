"""Carts: what a contact is about to buy. A fold in clock order: additions and takings, clamped at zero.

A change that comes late has to go in at its place. So the newest changes are kept with the cart (`recent`),
on top of the lines that the older ones came to (`base`): what is late by less than that is put in its place
without reading anything. What is later still makes `insert` say no: the cart is then built anew from the
contact's effects.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.actions.carts import AddProductsToCart, RemoveProductsFromCart
from gateway.store.effects import Effect, Kind
from gateway.worker.apply.clocks import instant
from gateway.worker.apply.telling import Telling

Lines = dict[str, list[Any]]  # product -> [qty, the fields of its newest addition]

# Webhooks overtake each other by seconds, the redelivery of a failed one by minutes.
RECENT_MICROSECONDS_MAX = 3600 * 1_000_000
# Bounds the contact's row where very many come within that time.
RECENT_CHANGES_MAX = 256


class Change(NamedTuple):
    clock: str
    is_whole: bool  # the fold starts anew here
    items: list[list[Any]]  # [product, qty with its sign, the item's fields where it is added]


def tell_addition(telling: Telling, action: AddProductsToCart) -> Iterator[Effect]:
    items = [
        [item.product_id, item.qty, item.model_dump(exclude={"product_id", "qty"}, exclude_none=True)]
        for item in action.items
    ]
    document = {"items": items, "is_whole": action.is_whole_cart}
    yield telling.effect(telling.contact(action.contact), Kind.CART, document)


def tell_removal(telling: Telling, action: RemoveProductsFromCart) -> Iterator[Effect]:
    items = [[item.product_id, -item.qty, None] for item in action.items]
    yield telling.effect(telling.contact(action.contact), Kind.CART, {"items": items, "is_whole": False})


def read_change(effect: Effect) -> Change:
    """Read what an effect does to the cart: an order takes its items out."""
    if effect.kind is Kind.CART:
        return Change(effect.clock, effect.document["is_whole"], effect.document["items"])
    items = effect.document["values"]["items"]
    return Change(effect.clock, False, [[item["product_id"], -item["qty"], None] for item in items])


@dataclass(slots=True)
class Cart:
    base: Lines = field(default_factory=dict)
    base_clock: str = ""  # of the newest change in `base`
    recent: list[Change] = field(default_factory=list)
    filled_at: str | None = None  # clock of the first addition: what is taken before takes nothing

    def __post_init__(self) -> None:
        self.recent = [Change(*change) for change in self.recent]

    def insert(self, change: Change) -> bool:
        """Put a change in its place; False where that is behind what is kept."""
        if self._takes_nothing(change):
            if not self.recent:
                self.base_clock = max(self.base_clock, change.clock)
                return True
            if change.clock < self.base_clock:
                return True
        if change.clock < self.base_clock:
            return False
        if not self._is_taking(change):
            self.filled_at = min(self.filled_at or change.clock, change.clock)
        insort(self.recent, change, key=lambda one: one.clock)
        self._fold_old()
        return True

    def release(self, clock: str) -> bool:
        """Take back the taking of this clock; False where it is folded into what is kept."""
        left = [change for change in self.recent if change.clock != clock]
        is_found = len(left) < len(self.recent)
        self.recent = left
        return is_found or self.filled_at is None or clock < self.filled_at

    def _takes_nothing(self, change: Change) -> bool:
        """Tell a taking from lines that `base` does not have: whenever it was said, they end at zero all the same."""
        return self._is_taking(change) and not any(product in self.base for product, _, _ in change.items)

    @staticmethod
    def _is_taking(change: Change) -> bool:
        return not change.is_whole and all(qty < 0 for _, qty, _ in change.items)

    def _fold_old(self) -> None:
        horizon = instant(self.recent[-1].clock) - RECENT_MICROSECONDS_MAX
        old = 0
        while len(self.recent) - old > RECENT_CHANGES_MAX or instant(self.recent[old].clock) < horizon:
            _fold(self.base, self.recent[old])
            self.base_clock = self.recent[old].clock
            old += 1
        del self.recent[:old]

    def lines(self) -> Lines:
        lines = dict(self.base)
        for change in self.recent:
            _fold(lines, change)
        return dict(sorted(lines.items()))

    def state(self) -> tuple[Lines, str, list[Change], str | None]:
        return self.base, self.base_clock, self.recent, self.filled_at


def _fold(lines: Lines, change: Change) -> None:
    """Make the lines what they are after a change. A line at zero is gone: nothing of it shows in what follows."""
    if change.is_whole:
        lines.clear()
    for product, qty, item in change.items:
        held, fields = lines.get(product, (0, None))
        left = held + qty
        if left > 0:
            lines[product] = [left, fields if item is None else item]
        else:
            lines.pop(product, None)
