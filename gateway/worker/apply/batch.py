"""Batch: the story of one transaction. Read this first.

    what is known already is skipped; what belongs to a paused source is held
    attempt   the rest one by one in the order of their ids: whom they mean, what they lack, what they say
    wake      what waited for somebody, or for a list, that is there now
    project   what the ledger comes to, with all that was added and withdrawn
    save      events, rulings, raw requests

Takes events as they come from the queue, or the ids of stored ones; gives what became of each. All of it
is in one transaction and nobody else applies beside it: it happens whole, or not at all. Never raises for
what an event says: that is written on the event.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from gateway import clock
from gateway.event import Event, Lane, Status
from gateway.store.documents import clean
from gateway.store.engine import Connection, Store
from gateway.store.identifiers import Identifier
from gateway.store.lists import create_lists
from gateway.store.rulings import Ruling, find_known, find_paused, find_waiting, load_pending, save_rulings
from gateway.store.tries import Failures, Try
from gateway.worker.apply.attempt import Attempts
from gateway.worker.apply.erased import empty_told, free_waiting
from gateway.worker.apply.identity import Identity
from gateway.worker.apply.project import project

# What a transaction wakes itself; the rest is told to the caller, so that one list cannot wake a million.
WOKEN_MAX = 256
_NO_FAILURES = Failures()


@dataclass(frozen=True, slots=True)
class ApplySettings:
    identifier_values_max: int = 5  # more people than that behind one phone are no one person
    ignored_identifiers: frozenset[str] = frozenset()  # key:value of what names nobody


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an event. `woken` are other events that can be applied now: retake them."""

    event_id: str
    status: Status
    reason: str | None = None
    woken: tuple[str, ...] = ()


def apply_batch(
    store: Store,
    events: Sequence[Event],
    *,
    settings: ApplySettings,
    lane: Lane,
    failures: Failures = _NO_FAILURES,
    is_waking: bool = True,
    parked_for: str | None = None,
) -> list[Applied]:
    """Apply new events in one transaction. Raises StoreBusy: nothing happened, the same batch again.

    An event that is stored already is skipped; what became of it then is given. `failures` are the tries
    before this one: they are written on the events. Unless `is_waking`, all that is woken is left to the caller.
    With `parked_for` nothing is tried: they have failed, for that.
    """
    if not events:
        return []
    with store.writing() as connection:
        known = find_known(connection, [event.id for event in events])
        new = {event.id: event for event in events if event.id not in known}
        rulings = [_arrived(event) for _, event in sorted(new.items())]
        _park(rulings, parked_for)
        applied = _apply(connection, rulings, settings, lane, failures, is_waking)
        return applied + [Applied(event_id, stored.status, stored.reason) for event_id, stored in known.items()]


def retake(
    store: Store,
    event_ids: Sequence[str],
    *,
    settings: ApplySettings,
    lane: Lane = Lane.BULK,
    failures: Failures = _NO_FAILURES,
    is_waking: bool = True,
    parked_for: str | None = None,
) -> list[Applied]:
    """Apply stored events that are held or waiting, oldest first, in one transaction; others are left as they are."""
    if not event_ids:
        return []
    with store.writing() as connection:
        rulings = load_pending(connection, event_ids)
        _park(rulings, parked_for)
        return _apply(connection, rulings, settings, lane, failures, is_waking)


def _arrived(event: Event) -> Ruling:
    """Begin with what the gateway knows. The unique key is out of the sender's document: it may be no stored text."""
    if event.unique_key is not None:
        event = replace(event, unique_key=clean(event.unique_key))
    return Ruling(event, event.status, stage=event.stage, reason=event.reason)


def _park(rulings: Collection[Ruling], reason: str | None) -> None:
    """Settle events as failed before they are attempted, where there is a reason to."""
    for ruling in rulings if reason is not None else ():
        ruling.event = replace(ruling.event, status=Status.FAILED)
        ruling.status, ruling.stage, ruling.reason = Status.FAILED, "apply", reason


def _apply(
    connection: Connection,
    rulings: Sequence[Ruling],
    settings: ApplySettings,
    lane: Lane,
    failures: Failures,
    is_waking: bool,
) -> list[Applied]:
    at, started = clock.now(), time.perf_counter()
    for ruling in rulings:
        for earlier in failures.of(ruling.event.id):
            ruling.tries.join(earlier)
    attempts = Attempts(Identity(settings.identifier_values_max, settings.ignored_identifiers))
    attempts.attempt_all(connection, _hold_paused(connection, rulings), at)
    woken = _wake(connection, attempts, at, WOKEN_MAX if is_waking else 0)
    project(connection, attempts)
    create_lists(connection, attempts.created_lists, at)
    _note_tries(attempts.rulings.values(), at, started)
    save_rulings(connection, list(attempts.rulings.values()), attempts.replaced, lane)
    of_erased = [one for one, ruling in attempts.rulings.items() if ruling.is_erased]
    emptied = empty_told(connection, of_erased, attempts.erased, at)
    woken += free_waiting(connection, emptied, but=attempts.rulings.keys())
    applied = [Applied(event_id, ruling.status, ruling.reason) for event_id, ruling in attempts.rulings.items()]
    return _with_woken(applied, woken)


def _note_tries(rulings: Collection[Ruling], at: int, started: float) -> None:
    ms = round((time.perf_counter() - started) * 1000, 1)
    for ruling in rulings:
        ruling.tries.add(*(Try(at, ms, outcome) for outcome in ruling.outcomes))


def _with_woken(applied: list[Applied], woken: Sequence[str]) -> list[Applied]:
    """Tell the caller what is left to wake, once: with the last of the events."""
    if woken:
        last = applied[-1]
        applied[-1] = Applied(last.event_id, last.status, last.reason, tuple(woken))
    return applied


def _hold_paused(connection: Connection, rulings: Sequence[Ruling]) -> Sequence[Ruling]:
    """Hold what would be applied though its source is paused; the rest is open. What has settled itself stays so."""
    paused = find_paused(connection, {ruling.event.source for ruling in rulings}) if rulings else set()
    for ruling in rulings:
        if ruling.event.status is not Status.QUEUED:
            continue
        is_held = ruling.event.source in paused
        ruling.status = Status.HELD if is_held else Status.QUEUED
        ruling.waits_for, ruling.reason = None, None
    return rulings


def _wake(connection: Connection, attempts: Attempts, at: int, left: int) -> list[str]:
    """Attempt again what waited for what has come, so many at most; give the ids of the others."""
    told: dict[Identifier, int] = {}
    left_over = set[str]()
    while brought := _brought(attempts, told):
        stored = [event_id for event_id in find_waiting(connection, brought) if event_id not in attempts.rulings]
        left_over.update(stored[left:])
        woken = _hold_paused(connection, load_pending(connection, stored[:left]))
        left -= len(woken)
        here = [ruling for ruling in attempts.rulings.values() if _waits_for(ruling, brought)]
        attempts.attempt_all(connection, sorted([*here, *woken], key=lambda ruling: ruling.event.id), at)
    return sorted(left_over - attempts.rulings.keys())


def _brought(attempts: Attempts, told: dict[Identifier, int]) -> set[Identifier]:
    """Give the identifiers and lists (empty key) that came, or changed hands, since this was asked last."""
    now = attempts.identity.changed_owners() | {("", name): 0 for name in attempts.created_lists}
    brought = {name for name, owner in now.items() if told.get(name) != owner}
    told.update(now)
    return brought


def _waits_for(ruling: Ruling, brought: Collection[Identifier]) -> bool:
    return ruling.waits_for is not None and any(name in brought for name in ruling.waits_for[1])
