"""Erased: whom nothing is told of any more up to a time, and what is left of an action without them.

Takes actions and gives them back without the erased people that they name by any identifier: the whole action,
or one of the contacts of a list. It depends on the action and the tombstones alone, so that the order in which
things arrive makes no difference; what happened after the erasure is told as ever.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.actions import Action, parse_actions
from gateway.actions.activities import CreateContactActivities
from gateway.actions.contacts import UpsertContact
from gateway.actions.lists import AddContactsToList, RemoveContactsFromList
from gateway.errors import BadRequest, Unprocessable
from gateway.event import Status
from gateway.store.engine import Connection
from gateway.store.erasure import Emptied, Told, empty_events, load_told
from gateway.store.identifiers import Identifier
from gateway.store.pending import forget_waits
from gateway.store.tombstones import find_erased, has_tombstones
from gateway.worker.apply import activities, contacts
from gateway.worker.apply.clocks import not_after

GONE = "what it said went with an erased person"


def named(action: Action) -> Iterator[Identifier]:
    """Give every identifier that the action names."""
    if isinstance(action, AddContactsToList | RemoveContactsFromList):
        for identifiers in action.contacts.identifiers:
            yield from identifiers.items()
        return
    yield from action.contact.identifiers.items()
    if isinstance(action, UpsertContact):
        yield from contacts.identifying(action.attributes).items()
    elif isinstance(action, CreateContactActivities):
        yield from activities.further(action.contact).items()


@dataclass(slots=True)
class Erased:
    """The erased among those that a batch names: identifier -> until when nothing is told of it."""

    until: dict[Identifier, int] = field(default_factory=dict)

    def load(self, connection: Connection, wanted: Collection[Identifier]) -> None:
        if has_tombstones(connection):
            self.until.update(find_erased(connection, wanted))

    def covers(self, identifiers: Collection[Identifier], at: int) -> bool:
        return any(at <= self.until.get(identifier, at - 1) for identifier in identifiers)

    def leave(self, action: Action, at: int) -> Action | None:
        """Give what may be told of an action: itself as a rule, None where nothing is left."""
        if not self.until or not self.covers(set(named(action)), at):
            return action
        if not isinstance(action, AddContactsToList | RemoveContactsFromList):
            return None
        left = [one for one in action.contacts.identifiers if not self.covers(one.items(), at)]
        refs = action.contacts.model_copy(update={"identifiers": left})
        return action.model_copy(update={"contacts": refs}) if left else None

    def cut(self, told: Told) -> str:
        """Write the stored actions of an event without the erased; text that is no actions tells of nobody for sure."""
        raw = told.actions.encode(errors="replace")
        try:
            pairs = zip(orjson.loads(raw), parse_actions(raw), strict=True)
        except (ValueError, BadRequest, Unprocessable):
            return "[]"
        kept = []
        for document, action in pairs:
            at = not_after(action.occurred_at, told.received_at, default=told.occurred_at)
            left = self.leave(action, at)
            if left is action:
                kept.append(document)
            elif left is not None:
                kept.append(_with_contacts(document, left))
        return orjson.dumps(kept).decode()


def _with_contacts(document: Mapping[str, Any], left: Action) -> dict[str, Any]:
    assert isinstance(left, AddContactsToList | RemoveContactsFromList)
    name = "contacts" if "contacts" in document else "contact"
    return {**document, name: {**document[name], "identifiers": left.contacts.identifiers}}


def empty_told(connection: Connection, event_ids: Collection[str], erased: Erased, at: int) -> list[Told]:
    """Take the erased out of stored events and out of those of the same requests; gives what those told."""
    if not event_ids:
        return []
    told = load_told(connection, event_ids, with_requests=False)
    empty_events(connection, [_emptied(one, erased) for one in told], at)
    return told


def free_waiting(connection: Connection, emptied: Collection[Told], but: Collection[str] = ()) -> tuple[str, ...]:
    """Give those that wait, to be taken again: what they lacked may have gone with the person they waited for."""
    waiting = tuple(one.id for one in emptied if one.status == Status.WAITING.value and one.id not in but)
    forget_waits(connection, waiting)
    return waiting


def _emptied(told: Told, erased: Erased) -> Emptied:
    is_harmless = told.reason and not any(value in told.reason for _, value in erased.until)
    return Emptied(told.id, erased.cut(told), told.reason if is_harmless else GONE)
