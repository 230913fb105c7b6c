"""Timeline: the life of a contact as the ledger tells it, and what one event did to whom.

Takes an identifier or an event, gives lines: what changed, from what to what, and the event, the action and the raw
request that did it. Reads only what is in force: what a replay has replaced is not there any more. Contacts with very
many effects are told without what was before.
"""

from collections.abc import Collection, Sequence
from typing import Any

from gateway.actions.fields import canonical_identifier_key, normalise_identifier
from gateway.clock import iso
from gateway.errors import BadRequest, NotFound
from gateway.operations.changes import Change, EffectKey, History
from gateway.operations.operator import Operator
from gateway.store.clocks import instant, said_at
from gateway.store.contacts import load_shown
from gateway.store.documents import load
from gateway.store.effects import Effect, Kind, load_contact_effects, load_target_effects
from gateway.store.engine import Connection
from gateway.store.events import load_event, load_listed
from gateway.store.history import count_shaping, find_contact_id, list_contact_effects, list_event_effects
from gateway.store.orders import load_takers

PAGE = 50
PAGE_MAX = 200
# Folding 5,000 effects takes about a tenth of a second; a till's guest account may have hundreds of thousands.
FOLDED_MAX = 5_000
EVENT_EFFECTS_MAX = 100
CONTACTS_FOLDED_MAX = 20


async def load_timeline(
    op: Operator, key: str, value: str, *, before: str | None = None, limit: int = PAGE
) -> dict[str, Any]:
    """Give `{lines, next, is_folded}`, the newest thing first. Raises NotFound, BadRequest.

    A line: `{at, kind, target, changes: [{what, name, before, after}], event, action_index, item_index}`; `event` is
    `{id, root, source, status, version_id}`. `is_folded` False: there is too much to say what was before.
    """
    named = _named(key, value)
    limit = max(1, min(limit, PAGE_MAX))

    def work(conn: Connection) -> dict[str, Any]:
        contact_id = _load_contact_id(conn, *named)
        page = list_contact_effects(conn, contact_id, before=before, limit=limit + 1)
        changes = _fold(conn, [contact_id])
        lines = _lines(conn, page[:limit], changes)
        further = page[limit - 1].clock if len(page) > limit else None
        return {"lines": lines, "next": further, "is_folded": changes is not None}

    return await op.read(work)


async def load_event_effects(op: Operator, event_id: str, *, is_alone: bool = False) -> dict[str, Any]:
    """Give `{lines, is_in_force, is_folded, is_cut}`: what one event has changed, action by action.

    Only the event of a delivery that counts has effects; of the others `is_in_force` says why there are none.
    `is_alone` tells what the event itself has said, for who may not see every source: what was before, and what the
    person goes by, others have said. Raises NotFound.
    """

    def work(conn: Connection) -> dict[str, Any]:
        event = load_event(conn, event_id)
        if event is None:
            raise NotFound(f"there is no stored event {event_id}")
        found = list_event_effects(conn, [event_id], EVENT_EFFECTS_MAX + 1)
        effects = found[:EVENT_EFFECTS_MAX]
        contact_ids = list(dict.fromkeys(effect.contact_id for effect in effects))
        is_told = not is_alone and len(contact_ids) <= CONTACTS_FOLDED_MAX
        changes = _fold(conn, contact_ids) if is_told else None
        shown = {} if is_alone else load_shown(conn, contact_ids)
        people = [shown.get(effect.contact_id) for effect in effects]
        lines = zip(_lines(conn, effects, changes), people, strict=True)
        return {
            "lines": [line | {"contact": person} for line, person in lines],
            "is_in_force": event["is_in_force"],
            "is_folded": is_alone or changes is not None,
            "is_cut": len(found) > EVENT_EFFECTS_MAX,
        }

    return await op.read(work)


async def load_identifier_history(op: Operator, key: str, value: str) -> list[dict[str, Any]]:
    """Give every identifier that the ledger names a contact by: `{key, value, first_at, event_id}`, oldest first.

    The contact may have more: what an event brought that was replaced since still finds it. Raises NotFound.
    """
    named = _named(key, value)

    def work(conn: Connection) -> list[dict[str, Any]]:
        contact_id = _load_contact_id(conn, *named)
        if count_shaping(conn, contact_id, FOLDED_MAX + 1) > FOLDED_MAX:
            return []
        return _first_named(load_contact_effects(conn, [contact_id]))

    return await op.read(work)


def _load_contact_id(conn: Connection, key: str, value: str) -> int:
    contact_id = find_contact_id(conn, key, value)
    if contact_id is None:
        raise NotFound(f"there is no contact with {key} {value}")
    return contact_id


def _first_named(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for effect in sorted(effects, key=_said_at):
        further = effect.document.get("identifiers", {}) if effect.kind is Kind.CONTACT else {}
        at = iso(instant(_said_at(effect)))
        for key, value in (*effect.identifiers.items(), *further.items()):
            told = {"key": key, "value": value, "first_at": at, "event_id": effect.event_id}
            first.setdefault((key, value), told)
    return list(first.values())


def _named(key: str, value: str) -> tuple[str, str]:
    canonical = canonical_identifier_key(key)
    try:
        return canonical, normalise_identifier(canonical, value) or ""
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _fold(conn: Connection, contact_ids: Collection[int]) -> dict[EffectKey, list[Change]] | None:
    """Say of every effect of these contacts what it changed; None where there are too many of them."""
    if sum(count_shaping(conn, contact_id, FOLDED_MAX + 1) for contact_id in contact_ids) > FOLDED_MAX:
        return None
    return {key: changes for history in fold(conn, contact_ids).values() for key, changes in history.told.items()}


def fold(conn: Connection, contact_ids: Collection[int]) -> dict[int, History]:
    """Go through all effects of these contacts, in the order in which they were said."""
    shaping = load_contact_effects(conn, contact_ids)
    targets = {effect.target for effect in shaping if effect.target is not None}
    takers = load_takers(conn, {effect.target for effect in shaping if effect.kind is Kind.ORDER and effect.target})
    foreign = [one for one in load_target_effects(conn, targets) if one.contact_id not in contact_ids]
    histories = {contact_id: History(takers) for contact_id in contact_ids}
    for effect in sorted([*shaping, *foreign], key=_said_at):
        for contact_id, history in histories.items():
            if contact_id == effect.contact_id:
                history.told[_key(effect)] = history.hear(effect)
            elif effect.target is not None:
                history.overhear(effect)
    return histories


def _lines(
    conn: Connection, effects: Sequence[Effect], changes: dict[EffectKey, list[Change]] | None
) -> list[dict[str, Any]]:
    events = {event["id"]: event for event in load_listed(conn, {effect.event_id for effect in effects})}
    return [_line(effect, events.get(effect.event_id), changes) for effect in effects]


def _line(
    effect: Effect, event: dict[str, Any] | None, changes: dict[EffectKey, list[Change]] | None
) -> dict[str, Any]:
    about = ("id", "root", "source", "status", "version_id")
    said = History().hear(effect) if changes is None or effect.kind is Kind.ACTIVITY else changes[_key(effect)]
    return {
        "at": iso(instant(effect.clock)),
        "kind": effect.kind.value,
        "target": effect.target and load(effect.target),
        "changes": said,
        "event": {name: event[name] for name in about} if event else {"id": effect.event_id},
        "action_index": effect.action_index,
        "item_index": effect.item_index,
    }


def _key(effect: Effect) -> EffectKey:
    return effect.event_id, effect.action_index, effect.item_index


def _said_at(effect: Effect) -> str:
    """Give when it was said: a record has a date of its own before that."""
    return said_at(effect.clock) if effect.kind is Kind.SUPPLEMENT else effect.clock
