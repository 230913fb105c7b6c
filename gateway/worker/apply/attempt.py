"""Attempt: one event, whole or not at all, and which event of its delivery counts.

Takes rulings that are open (an event and its attempts so far), settles them one by one, in memory: whom
each action means, what it lacks, what it says. Nothing of an event that has to wait or cannot be stays
behind. Never looks at what the effects come to: that is `project`'s, when all is decided.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.actions import Action, parse_actions
from gateway.actions.activities import CreateContactActivities
from gateway.actions.carts import AddProductsToCart, RemoveProductsFromCart
from gateway.actions.contacts import UpsertContact
from gateway.actions.lists import AddContactsToList, RemoveContactsFromList
from gateway.actions.orders import UpsertOrder
from gateway.actions.supplements import UpsertSupplementRecords
from gateway.errors import BadRequest, Impossible, Unprocessable
from gateway.event import Status
from gateway.store.effects import Effect
from gateway.store.engine import Connection
from gateway.store.lists import find_lists
from gateway.store.rulings import Ruling, Standing, find_standing
from gateway.worker.apply import activities, carts, contacts, lists, orders, supplements
from gateway.worker.apply.clocks import not_after
from gateway.worker.apply.erased import Erased, named
from gateway.worker.apply.identity import Identity, Lacking, Nobody
from gateway.worker.apply.telling import Lists, Telling

_TELL: dict[type, Callable[[Telling, Any], Iterator[Effect]]] = {
    UpsertContact: contacts.tell,
    CreateContactActivities: activities.tell,
    AddContactsToList: lists.tell_addition,
    RemoveContactsFromList: lists.tell_removal,
    UpsertOrder: orders.tell,
    UpsertSupplementRecords: supplements.tell,
    AddProductsToCart: carts.tell_addition,
    RemoveProductsFromCart: carts.tell_removal,
}


@dataclass(slots=True)
class Attempts:
    identity: Identity
    lists: Lists = field(default_factory=Lists)
    erased: Erased = field(default_factory=Erased)
    created_lists: set[str] = field(default_factory=set)
    standing: dict[str, Standing] = field(default_factory=dict)  # delivery -> the event in force
    rulings: dict[str, Ruling] = field(default_factory=dict)
    effects: dict[str, list[Effect]] = field(default_factory=dict)  # event in force -> what it says
    replaced: set[str] = field(default_factory=set)  # stored events that are in force no more

    def attempt_all(self, connection: Connection, rulings: Collection[Ruling], at: int) -> None:
        """Settle these, in this order; all that they need is read before, in a few queries."""
        read = [(ruling, _read(ruling)) for ruling in rulings]
        self._load(connection, [(ruling, actions) for ruling, actions in read if actions is not None])
        for ruling, actions in read:
            self.rulings[ruling.event.id] = ruling
            if actions is not None:
                self._attempt(ruling, actions, at)

    def _load(self, connection: Connection, open_ones: Collection[tuple[Ruling, list[Action]]]) -> None:
        actions = [action for _, many in open_ones for action in many]
        wanted = {pair for action in actions for pair in named(action)}
        self.identity.load(connection, wanted)
        self.erased.load(connection, wanted)
        names = {action.list_name for action in actions if isinstance(action, AddContactsToList)}
        self.lists.known |= find_lists(connection, names - self.lists.known)
        deliveries = {ruling.event.delivery for ruling, _ in open_ones} - self.standing.keys()
        self.standing.update(find_standing(connection, deliveries))

    def _attempt(self, ruling: Ruling, actions: list[Action], at: int) -> None:
        ruling.notes, ruling.waits_for, ruling.stage, ruling.reason = [], None, None, ruling.event.reason
        self.identity.mark()
        self.lists.brought = set()
        try:
            effects = list(self._tell_all(ruling, actions))
        except Lacking as lacking:
            ruling.status, ruling.reason = Status.WAITING, lacking.reason
            ruling.waits_for = (lacking.kind, lacking.names)
        except Impossible as impossible:
            ruling.status, ruling.stage, ruling.reason = Status.FAILED, "apply", impossible.detail
            ruling.failed_action = impossible.action_index
        else:
            self.lists.known |= self.lists.brought
            self.created_lists |= self.lists.brought
            ruling.outcomes.append(None)
            self._settle(ruling, effects, at)
            return
        ruling.outcomes.append(ruling.reason)
        self.identity.rollback()
        ruling.notes = []

    def _tell_all(self, ruling: Ruling, actions: Iterable[Action]) -> Iterator[Effect]:
        event = ruling.event
        for index, action in enumerate(actions):
            at = not_after(action.occurred_at, event.received_at, default=event.occurred_at)
            origin = action.origin or event.source
            telling = Telling(event, index, origin, at, self.identity, self.lists, ruling.notes)
            left = self.erased.leave(action, at)
            ruling.is_erased |= left is not action
            if left is None:
                continue
            try:
                yield from _TELL[type(left)](telling, left)
            except Nobody:
                raise Impossible("all identifiers of its contact are ignored ones", index) from None

    def _settle(self, ruling: Ruling, effects: list[Effect], at: int) -> None:
        """Let the event count, unless another one of its delivery counts more. It is applicable either way."""
        event = ruling.event
        standing = self.standing.get(event.delivery)
        if standing is not None and standing.rank > event.rank:
            ruling.status = Status.DUPLICATE
            return
        if standing is not None:
            self._replace(standing.id)
        self.standing[event.delivery] = Standing(event.id, event.root)
        self.effects[event.id] = effects
        ruling.status = Status.APPLIED if effects else Status.IGNORED
        ruling.is_in_force, ruling.applied_at = True, at

    def _replace(self, event_id: str) -> None:
        if event_id in self.effects:
            del self.effects[event_id]
            self.rulings[event_id].status = Status.DUPLICATE
            self.rulings[event_id].is_in_force = False
        else:
            self.replaced.add(event_id)


def _read(ruling: Ruling) -> list[Action] | None:
    """Read the actions; None where there is nothing to apply: the gateway has settled it, or they are no actions."""
    event = ruling.event
    if ruling.status is Status.HELD or event.status in (Status.FAILED, Status.ANSWERED, Status.DISCARDED):
        return None
    try:
        return parse_actions(_storable(event.actions))
    except (BadRequest, Unprocessable) as error:
        ruling.status, ruling.stage, ruling.reason = Status.FAILED, "validate", error.detail
        ruling.outcomes.append(error.detail)
        return None


# NUL is a character to JSON, and none to a text in PostgreSQL. An even run of backslashes before it escapes itself.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def _storable(actions: bytes) -> bytes:
    return _NUL.sub(rb"\1\\ufffd", actions) if b"\\u0000" in actions else actions
