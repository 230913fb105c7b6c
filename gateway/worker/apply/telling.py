"""Telling: what one action of one event says, while it is being looked at.

Takes an action, gives effects, by the module of its noun. It may still turn out that the event has to
wait or cannot be: then nothing of this counts (see `attempt`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.actions.contacts import ContactRef, MergeOptions
from gateway.event import Event
from gateway.store.effects import Effect, Kind
from gateway.worker.apply.clocks import clock
from gateway.worker.apply.identity import Identity, Lacking, Named, Who


@dataclass(slots=True)
class Lists:
    """The lists that are there, and those that the event at hand brings."""

    known: set[str] = field(default_factory=set)
    brought: set[str] = field(default_factory=set)

    def need(self, name: str, *, is_creatable: bool) -> None:
        """See that the list is there. Raises Lacking where it is not and may not be made."""
        if name in self.known or name in self.brought:
            return
        if not is_creatable:
            raise Lacking("list", [("", name)], f'waits for the list "{name}"')
        self.brought.add(name)


@dataclass(slots=True)
class Telling:
    event: Event
    action_index: int
    origin: str
    at: int  # microseconds; never later than the root was received
    identity: Identity
    lists: Lists
    notes: list[str]

    def clock_of(self, item_index: int = 0) -> str:
        return clock(self.at, self.event.root, self.action_index, item_index)

    def contact(
        self,
        ref: ContactRef,
        *,
        further: Mapping[str, str] | None = None,
        merge: MergeOptions | None = None,
        is_creatable: bool = True,
    ) -> Who:
        return self.meet(Named(ref.identifiers, ref.priority, further or {}, merge, is_creatable))

    def meet(self, named: Named) -> Who:
        who = self.identity.meet(named)
        self.notes += who.notes
        return who

    def effect(
        self,
        who: Who,
        kind: Kind,
        document: dict[str, Any],
        *,
        item_index: int = 0,
        target: str | None = None,
        at: str | None = None,
    ) -> Effect:
        return Effect(
            event_id=self.event.id,
            action_index=self.action_index,
            item_index=item_index,
            contact_id=who.contact_id,
            kind=kind,
            clock=at or self.clock_of(item_index),
            identifiers=who.identifiers,
            document=document,
            target=target,
        )
