"""Contacts: what an upsert says of a person, and what all that was ever said comes to.

`tell` gives the effect of upsertContact. `Contact` is the projection of all effects of one contact; it is
built by `step`, one effect at a time, whether an effect is the newest one or all of them are read again:
so a quick step and a rebuild cannot disagree. All in it are registers (the newest clock wins, per name)
but the cart, which is a fold and has a module of its own.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.actions.contacts import ContactFields, UpsertContact
from gateway.actions.fields import (
    DEFAULT_PRIORITY,
    canonical_identifier_key,
    normalise_identifier,
    subscription_channel,
)
from gateway.store.contacts import ContactRecord
from gateway.store.effects import Effect, Kind
from gateway.worker.apply.carts import Cart, read_change
from gateway.worker.apply.clocks import instant, said_at
from gateway.worker.apply.identity import Who
from gateway.worker.apply.telling import Telling

Register = dict[str, list[Any]]  # name -> [clock, value]


def tell(telling: Telling, action: UpsertContact) -> Iterator[Effect]:
    who = telling.contact(action, further=identifying(action.attributes), merge=action.merge)
    yield telling.effect(who, Kind.CONTACT, said_of(action, who) | {"creates": True})


def identifying(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Pick the attributes that are named like an identifier: each adds one."""
    found = {}
    for name, value in attributes.items():
        key = canonical_identifier_key(name)
        if key in DEFAULT_PRIORITY and (text := normalise_identifier(key, value)) is not None:
            found[key] = text
    return found


def said_of(contact: ContactFields, who: Who) -> dict[str, Any]:
    """Write what an action says of its contact; an identifier among the attributes counts if it was joined."""
    plain = {
        name: value
        for name, value in contact.attributes.items()
        if canonical_identifier_key(name) not in DEFAULT_PRIORITY
    }
    return {"attributes": plain, "identifiers": who.further, "is_forced": contact.is_forced}


def _put(register: Register, name: str, clock: str, value: Any) -> None:
    held = register.get(name)
    # The same clock is the same effect: what it says last counts.
    if held is None or clock >= held[0]:
        register[name] = [clock, value]


@dataclass(slots=True)
class Said:
    """The registers of a contact."""

    attributes: Register = field(default_factory=dict)
    memberships: Register = field(default_factory=dict)
    shown: Register = field(default_factory=dict)
    subscriptions: Register = field(default_factory=dict)

    def hear(self, document: Mapping[str, Any], clock: str) -> None:
        for key, value in document["identifiers"].items():
            _put(self.shown, key, clock, value)
        for name, value in document["attributes"].items():
            channel = subscription_channel(name)
            if channel is not None:
                self._subscribe(channel, clock, value, is_forced=document["is_forced"])
                continue
            _put(self.attributes, name, clock, value)
            if isinstance(value, bool):
                _put(self.memberships, name, clock, value)

    def _subscribe(self, channel: str, clock: str, status: str | None, *, is_forced: bool) -> None:
        """An unsubscribe is never lost: a `subscribed` without force counts only where nothing else was ever said."""
        if status is not None:
            is_decisive = is_forced or status == "unsubscribed"
            _put(self.subscriptions, channel, f"{int(is_decisive)}{clock}", status)


@dataclass(slots=True)
class Contact:
    said: Said = field(default_factory=Said)
    # The lowest clock that creates the contact, and what counts only because it does.
    creator: tuple[str, dict[str, Any] | None] | None = None
    newest: str | None = None
    cart: Cart = field(default_factory=Cart)

    def step(self, effect: Effect, *, takes: bool) -> bool:
        """Hear one effect; False where it comes too late for the cart, which then has to be built anew.

        `takes` says of an order whether this is the effect that takes its items out of the cart.
        """
        clock = said_at(effect.clock) if effect.kind is Kind.SUPPLEMENT else effect.clock
        document = effect.document
        self.newest = max(self.newest or clock, clock)
        for key, value in effect.identifiers.items():
            _put(self.said.shown, key, clock, value)
        is_conditional = document.get("is_conditional", False)
        if document.get("creates", True) and (self.creator is None or clock < self.creator[0]):
            self.creator = (clock, document if is_conditional else None)
        if effect.kind is Kind.CONTACT and not is_conditional:
            self.said.hear(document, clock)
        elif effect.kind is Kind.MEMBER:
            _put(self.said.memberships, document["list"], clock, document["is_member"])
        elif effect.kind is Kind.CART or takes:
            return self.cart.insert(read_change(effect))
        return True

    def _all_said(self) -> Said:
        if self.creator is None or self.creator[1] is None:
            return self.said
        said = copy.deepcopy(self.said)
        said.hear(self.creator[1], self.creator[0])
        return said

    def lists(self) -> set[str]:
        return {name for name, (_, is_member) in self._all_said().memberships.items() if is_member}

    def record(self, contact_id: int) -> ContactRecord:
        said = self._all_said()
        return ContactRecord(
            id=contact_id,
            attributes={name: value for name, (_, value) in sorted(said.attributes.items()) if value is not None},
            subscriptions={channel: status for channel, (_, status) in sorted(said.subscriptions.items())},
            shown={key: value for key, (_, value) in sorted(said.shown.items())},
            cart=self.cart.lines(),
            state=self.state(),
            created_at=instant(self.creator[0]) if self.creator else None,
            changed_at=instant(self.newest) if self.newest else None,
        )

    def state(self) -> dict[str, Any]:
        return {
            "said": [self.said.attributes, self.said.memberships, self.said.shown, self.said.subscriptions],
            "creator": self.creator,
            "newest": self.newest,
            "cart": self.cart.state(),
        }


def read_contact(state: Mapping[str, Any]) -> Contact:
    """Read what `state` has written."""
    creator = state["creator"]
    return Contact(Said(*state["said"]), tuple(creator) if creator else None, state["newest"], Cart(*state["cart"]))
