"""Changes: what each effect of the ledger changed, in the order in which things happened.

Takes all effects of a contact in clock order, gives a line an effect with what was before and after. In that order
every register is simply written over, so that this is short; it has to end where the projections end, which a test
compares. Never reads anything, and never decides what is in force.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.actions.fields import subscription_channel
from gateway.clock import iso
from gateway.store.effects import Effect, Kind

Change = dict[str, Any]  # {what, name, before, after}
EffectKey = tuple[str, int, int]  # event, action, item


@dataclass(slots=True)
class History:
    """What is known of a contact, at one moment of its life."""

    takers: Mapping[str, str | None] = field(default_factory=dict)  # order -> the clock that empties the cart
    attributes: dict[str, Any] = field(default_factory=dict)
    subscriptions: dict[str, tuple[bool, str]] = field(default_factory=dict)
    memberships: dict[str, bool] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    cart: dict[str, int] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)  # order or record -> its fields
    clocks: dict[str, dict[str, str]] = field(default_factory=dict)  # … and the clock of each
    people: list[set[str]] = field(default_factory=list)  # what each goes by whom nothing has joined to another yet
    told: dict[EffectKey, list[Change]] = field(default_factory=dict)
    is_created: bool = False

    def hear(self, effect: Effect) -> list[Change]:
        """Take one effect in, and say what it changed; nothing where it only repeats what is known."""
        changes = [*self._create(effect), *self._merge(effect), *self._identify(effect.identifiers)]
        document = effect.document
        match effect.kind:
            case Kind.CONTACT:
                if not document.get("is_conditional") or changes[:1] == [_CREATED]:
                    changes += self._hear_contact(document)
            case Kind.MEMBER:
                changes += self._join(document["list"], document["is_member"])
            case Kind.CART:
                changes += self._shop(document["items"], is_whole=document["is_whole"])
            case Kind.ORDER:
                changes += self._write(effect)
                if self.takers.get(effect.target or "") == effect.clock:
                    taken = [[item["product_id"], -item["qty"], None] for item in document["values"]["items"]]
                    changes += self._shop(taken, is_whole=False)
            case Kind.SUPPLEMENT:
                changes += self._write(effect)
            case Kind.ACTIVITY:
                changes.append({"what": "activity", "name": document["name"], "before": None, "after": document})
        return changes

    def overhear(self, effect: Effect) -> None:
        """Take in what another contact's effect says of an order or record that has changed hands."""
        self._write(effect)

    def _create(self, effect: Effect) -> list[Change]:
        if self.is_created or effect.kind is Kind.ACTIVITY or not effect.document.get("creates", True):
            return []
        self.is_created = True
        return [_CREATED]

    def _merge(self, effect: Effect) -> list[Change]:
        """Say with whom the contact turns out to be one: those whom this effect names were told of apart until now."""
        further = effect.document["identifiers"] if effect.kind is Kind.CONTACT else {}
        named = {f"{key}:{value}" for key, value in (*effect.identifiers.items(), *further.items())}
        known = [person for person in self.people if not person.isdisjoint(named)]
        if not known:
            self.people.append(named)
            return []
        first, *others = known
        first.update(named, *others)
        self.people = [person for person in self.people if person not in others]
        merges = (", ".join(sorted(other)) for other in others)
        return [{"what": "contact", "name": "merged with", "before": None, "after": other} for other in merges]

    def _identify(self, identifiers: Mapping[str, str]) -> list[Change]:
        return [change for key, value in identifiers.items() if (change := _put("identifier", self.shown, key, value))]

    def _hear_contact(self, document: Mapping[str, Any]) -> list[Change]:
        changes = self._identify(document["identifiers"])
        for name, value in document["attributes"].items():
            channel = subscription_channel(name)
            if channel is not None:
                changes += self._subscribe(channel, value, is_forced=document["is_forced"])
                continue
            changes += filter(None, [_put("attribute", self.attributes, name, value)])
            if isinstance(value, bool):
                self.memberships[name] = value  # shown once: as the attribute
        return changes

    def _subscribe(self, channel: str, status: str | None, *, is_forced: bool) -> list[Change]:
        if status is None:
            return []
        before = self.subscriptions.get(channel)
        is_decisive = is_forced or status == "unsubscribed"
        if before is not None and before[0] and not is_decisive:
            return []
        self.subscriptions[channel] = (is_decisive, status)
        was = before[1] if before else None
        return [] if was == status else [{"what": "subscription", "name": channel, "before": was, "after": status}]

    def _join(self, name: str, is_member: bool) -> list[Change]:
        change = _put("list", self.memberships, name, is_member)
        return [change] if change and (is_member or change["before"]) else []

    def _shop(self, items: Iterable[list[Any]], *, is_whole: bool) -> list[Change]:
        before = dict(self.cart)
        if is_whole:
            self.cart.clear()
        for product, qty, _ in items:
            left = self.cart.get(product, 0) + qty
            if left > 0:
                self.cart[product] = left
            else:
                self.cart.pop(product, None)
        return [
            {"what": "cart", "name": product, "before": before.get(product, 0), "after": self.cart.get(product, 0)}
            for product in dict.fromkeys([*before, *self.cart])
            if before.get(product, 0) != self.cart.get(product, 0)
        ]

    def _write(self, effect: Effect) -> list[Change]:
        """Write the fields of an order or a record: those of a record are as new as it says itself."""
        held = self.targets.setdefault(effect.target or "", {})
        clocks = self.clocks.setdefault(effect.target or "", {})
        changes = []
        for name, value in effect.document["values"].items():
            if effect.clock > clocks.get(name, ""):
                clocks[name] = effect.clock
                changes.append(_put(effect.kind.value, held, name, value))
        return [_told(change) for change in changes if change is not None]


def _told(change: Change) -> Change:
    """Tell the time of an order as people read it; it is kept in microseconds."""
    if change["name"] != "purchased_at" or change["what"] != Kind.ORDER.value:
        return change
    return {**change, "before": iso(change["before"]), "after": iso(change["after"])}


_CREATED: Change = {"what": "contact", "name": "created", "before": None, "after": True}


def _put(what: str, register: dict[str, Any], name: str, value: Any) -> Change | None:
    before = register.get(name)
    register[name] = value
    if type(before) is type(value) and before == value:
        return None
    return None if before is None and value is None else {"what": what, "name": name, "before": before, "after": value}
