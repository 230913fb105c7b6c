"""Erase: a person is forgotten, step by step; each step is one job of the bulk lane that asks for the next.

First the ledger: the contact, all identifiers, all effects, with a tombstone for each identifier; events that
they came of are emptied. Then whatever else came in is searched for the identifiers, page by page: failed
events, duplicates, handshakes. Takes and gives the parcel of a step; a step may be done twice. What an event
says of others stays.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import quote, quote_plus

from gateway import clock
from gateway.logs import log
from gateway.queue.parcel import Erase
from gateway.store.audit import write_audit
from gateway.store.engine import Connection, Store
from gateway.store.erasure import Told, delete_people, find_people, list_event_ids, load_told
from gateway.store.identifiers import Identifier
from gateway.store.tombstones import find_erased, write_tombstones
from gateway.worker.apply.erased import Erased, empty_told, free_waiting
from gateway.worker.apply.project import project_without

PAGE_EVENTS = 200
# Shorter values ("1001") stand in the texts of others too: they count where an action names somebody by them.
NEEDLE_CHARACTERS_MIN = 12
PHONE_CHARACTERS_MIN = 8
END_OF_TIME = 2**62


@dataclass(frozen=True, slots=True)
class Step:
    """What a step has come to: the parcel of the next one, None at the end; and events to take again."""

    following: Erase | None
    retaken: tuple[str, ...] = ()


def erase_step(store: Store, erase: Erase) -> Step:
    if erase.after is None:
        with store.writing() as connection:
            return _forget(connection, erase)
    return _search(store, erase)


def _forget(connection: Connection, erase: Erase) -> Step:
    """Take the person out of the ledger; where it has more identifiers than are asked for, ask again with all."""
    named = set(erase.identifiers)
    contact_ids, held = find_people(connection, named)
    done = find_erased(connection, named)
    if all(done.get(identifier, 0) >= erase.requested_at for identifier in named):
        return Step(replace(erase, after=""))  # this step was done before: who is there now has come anew
    if held - named:
        return Step(replace(erase, identifiers=tuple(sorted(held | named))))
    at = clock.now()
    gone, event_ids = delete_people(connection, contact_ids)
    project_without(connection, gone)
    write_tombstones(connection, named, at)
    emptied = empty_told(connection, event_ids, _erased(named, at), at)
    following = replace(
        erase,
        after="",
        contacts=erase.contacts + len(contact_ids),
        effects=erase.effects + len(gone),
        events=erase.events + len(emptied),
    )
    return Step(following, free_waiting(connection, emptied))


def _erased(identifiers: Collection[Identifier], at: int) -> Erased:
    return Erased(dict.fromkeys(identifiers, at))


def _search(store: Store, erase: Erase) -> Step:
    """Empty what tells of the person among the next events; at the end write down that it is done."""
    with store.reading() as connection:
        page = list_event_ids(connection, after=erase.after or "", until=erase.until, limit=PAGE_EVENTS)
        tells = _Searcher(erase.identifiers).tells
        found = [told for told in load_told(connection, page, with_requests=True) if tells(told)]
    with store.writing() as connection:
        until = find_erased(connection, set(erase.identifiers))
        emptied = empty_told(connection, [told.id for told in found], Erased(until), clock.now())
        retaken = free_waiting(connection, emptied)
        if not page:
            _write_down(connection, erase)
    if not page:
        return Step(None, retaken)
    return Step(replace(erase, after=page[-1], events=erase.events + len(found)), retaken)


class _Searcher:
    """Knows how the identifiers of a person may be written."""

    def __init__(self, identifiers: Collection[Identifier]) -> None:
        self._values = [value.lower() for _, value in identifiers]
        self._erased = _erased(identifiers, END_OF_TIME)
        needles = sorted({needle for identifier in identifiers for needle in _needles(*identifier)})
        # A whole word; what JSON writes for the end of a line before it is none of its letters.
        words = b"|".join(re.escape(needle.encode(errors="replace")) for needle in needles)
        pattern = rb"(?:(?<![0-9a-z._+-])|(?<=\\[nrt]))(?:" + words + rb")(?![0-9a-z])"
        self._pattern = re.compile(pattern, re.IGNORECASE) if needles else None

    def tells(self, told: Told) -> bool:
        """Tell an event whose texts or request show the person, or one of whose actions names them."""
        texts = "\n".join((told.actions, *told.others)).encode(errors="replace")
        if self._pattern and self._pattern.search(b"\n".join((texts, *(told.request or ())))):
            return True
        actions = told.actions.lower()
        return any(value in actions for value in self._values) and self._erased.cut(told) != told.actions


def _needles(key: str, value: str) -> set[str]:
    """Write a value as it is, in JSON and in a form; a phone also without its plus. None for one that says little."""
    if key == "phone" and len(value) >= PHONE_CHARACTERS_MIN:
        return {value.removeprefix("+")}
    if "@" not in value and len(value) < NEEDLE_CHARACTERS_MIN:
        return set()
    return {value, quote(value), quote_plus(value), json.dumps(value)[1:-1]}


def _write_down(connection: Connection, erase: Erase) -> None:
    """Tell who erased, and how much; never whom."""
    told = {"contacts": erase.contacts, "effects": erase.effects, "events": erase.events}
    write_audit(connection, at=clock.now(), actor=erase.actor, operation="contact.erase", subject=erase.id, after=told)
    log.info("erased", erasure_id=erase.id, **told)
