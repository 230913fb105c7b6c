"""Project: what the ledger comes to now.

Takes what a batch has changed in the ledger (effects added and withdrawn, contacts merged), gives rows of
contacts, orders and supplements. One effect after the other is heard by the projection that is stored; a
projection that lost an effect, was merged, or says that an effect comes too late is built anew from all of
its effects, by the same steps in clock order. Never decides what counts: `attempt` has.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.store.contacts import delete_contacts, load_states, save_contacts
from gateway.store.effects import (
    Effect,
    Kind,
    Withdrawn,
    insert_effects,
    load_contact_effects,
    load_effects_at,
    load_target_effects,
    move_effects,
    withdraw_effects,
)
from gateway.store.engine import Connection
from gateway.store.identifiers import save_owners
from gateway.store.lists import join_lists, leave_lists
from gateway.store.orders import (
    delete_orders,
    load_orders,
    load_takers,
    move_orders,
    save_orders,
)
from gateway.store.supplements import delete_records, load_records, move_records, save_records
from gateway.worker.apply import orders, supplements
from gateway.worker.apply.attempt import Attempts
from gateway.worker.apply.contacts import Contact, read_contact

T = TypeVar("T")
ByTarget = dict[str, list[Effect]]


@dataclass(slots=True)
class Changes:
    """What is different in the ledger; all contact ids are those after the merges."""

    added: list[Effect]
    withdrawn: list[Withdrawn] = field(default_factory=list)
    new_contacts: set[int] = field(default_factory=set)
    # Contacts whose projection cannot be carried on, only built anew.
    broken: set[int] = field(default_factory=set)
    # Effects of orders that were the taker until now: an older one has come, and they take nothing.
    released: list[Effect] = field(default_factory=list)

    def added_to(self, kind: Kind) -> ByTarget:
        return _grouped((effect for effect in self.added if effect.kind is kind), lambda effect: effect.target or "")

    def withdrawn_from(self, kind: Kind) -> set[str]:
        return {gone.target for gone in self.withdrawn if gone.kind is kind and gone.target is not None}


def project(connection: Connection, attempts: Attempts) -> None:
    """Write the ledger, then all that follows from it."""
    changes = _write_ledger(connection, attempts)
    takers = _project_orders(connection, changes)
    _project_records(connection, changes)
    _project_contacts(connection, changes, takers)


def project_without(connection: Connection, gone: Collection[Withdrawn]) -> None:
    """Write what is left of orders and records when contacts have gone with all of their effects."""
    changes = Changes([], list(gone))
    takers = _project_orders(connection, changes)
    _project_records(connection, changes)
    _project_contacts(connection, changes, takers)


def _write_ledger(connection: Connection, attempts: Attempts) -> Changes:
    identity = attempts.identity
    moves = identity.stored_moves()
    withdrawn = withdraw_effects(connection, attempts.replaced)
    save_owners(connection, identity.changed_owners())
    move_effects(connection, moves)
    move_orders(connection, moves)
    move_records(connection, moves)
    added = [effect for effects in attempts.effects.values() for effect in effects]
    for effect in added:
        effect.contact_id = identity.find(effect.contact_id)
    insert_effects(connection, added)
    delete_contacts(connection, moves)
    gone = [Withdrawn(identity.find(one.contact_id), one.kind, one.target) for one in withdrawn]
    broken = {one.contact_id for one in gone} | set(moves.values())
    return Changes(added, gone, identity.new_contacts(), broken)


def _grouped(effects: Iterable[Effect], key: Callable[[Effect], T]) -> dict[T, list[Effect]]:
    """Sort by clock, and group."""
    groups: dict[T, list[Effect]] = {}
    for effect in sorted(effects, key=lambda one: one.clock):
        groups.setdefault(key(effect), []).append(effect)
    return groups


def _project_orders(connection: Connection, changes: Changes) -> dict[str, str | None]:
    """Write the orders that were touched; give the taker of each. Where it changed, that goes into `changes`."""
    added, lost = changes.added_to(Kind.ORDER), changes.withdrawn_from(Kind.ORDER)
    before = load_orders(connection, added.keys() | lost)
    takers = {target: order.taker for target, order in before.items() if order.taker is not None}
    anew = _grouped(load_target_effects(connection, lost), lambda effect: effect.target or "")
    after = {target: _heard(None, effects, orders.step) for target, effects in anew.items()}
    for target in added.keys() - lost:
        after[target] = _heard(before.get(target), added[target], orders.step)
    for target, effects in anew.items():
        switched = {takers.get(target), after[target].taker}
        if len(switched) > 1:
            changes.broken |= {effect.contact_id for effect in effects if effect.clock in switched}
    displaced = {
        target: taker for target, taker in takers.items() if target not in lost and after[target].taker != taker
    }
    changes.released = load_effects_at(connection, displaced)
    save_orders(connection, after)
    delete_orders(connection, lost - after.keys())
    return {target: order.taker for target, order in after.items()}


def _project_records(connection: Connection, changes: Changes) -> None:
    added, lost = changes.added_to(Kind.SUPPLEMENT), changes.withdrawn_from(Kind.SUPPLEMENT)
    before = load_records(connection, added.keys() - lost)
    anew = _grouped(load_target_effects(connection, lost), lambda effect: effect.target or "")
    heard = {target: effects for target, effects in added.items() if target not in lost} | anew
    after = {target: _heard(before.get(target), effects, supplements.step) for target, effects in heard.items()}
    save_records(connection, after)
    delete_records(connection, lost - after.keys())


def _heard(projection: T | None, effects: Iterable[Effect], step: Callable[[T | None, Effect], T]) -> T:
    for effect in effects:
        projection = step(projection, effect)
    assert projection is not None  # there is no group without an effect
    return projection


def _project_contacts(connection: Connection, changes: Changes, takers: Mapping[str, str | None]) -> None:
    shaping = (effect for effect in changes.added if effect.kind is not Kind.ACTIVITY)
    added = _grouped(shaping, lambda effect: effect.contact_id)
    released = _grouped(changes.released, lambda effect: effect.contact_id)
    touched = added.keys() | released.keys() | changes.new_contacts | changes.broken
    before = {number: read_contact(state) for number, state in load_states(connection, touched).items()}
    lists_before = {number: contact.lists() for number, contact in before.items()}
    after, broken = dict(before), set(changes.broken)
    for number in touched - broken:
        contact = after.setdefault(number, Contact())
        is_released = all(contact.cart.release(effect.clock) for effect in released.get(number, ()))
        if not is_released or not all(_step(contact, effect, takers) for effect in added.get(number, ())):
            broken.add(number)
    after |= _rebuilt(connection, broken, takers)
    save_contacts(connection, [contact.record(number) for number, contact in sorted(after.items())])
    _save_memberships(connection, lists_before, {number: contact.lists() for number, contact in after.items()})


def _step(contact: Contact, effect: Effect, takers: Mapping[str, str | None]) -> bool:
    takes = effect.kind is Kind.ORDER and takers[effect.target or ""] == effect.clock
    return contact.step(effect, takes=takes)


def _rebuilt(
    connection: Connection, contact_ids: Collection[int], takers: Mapping[str, str | None]
) -> dict[int, Contact]:
    """Build contacts from all of their effects."""
    effects = load_contact_effects(connection, contact_ids)
    targets = {effect.target for effect in effects if effect.kind is Kind.ORDER and effect.target}
    all_takers = {**load_takers(connection, targets - takers.keys()), **takers}
    built = {number: Contact() for number in contact_ids}
    for effect in sorted(effects, key=lambda one: one.clock):
        if not _step(built[effect.contact_id], effect, all_takers):
            raise AssertionError("in clock order no effect comes late")
    return built


def _save_memberships(connection: Connection, before: Mapping[int, set[str]], after: Mapping[int, set[str]]) -> None:
    is_on = {(number, name) for number, names in after.items() for name in names}
    was_on = {(number, name) for number, names in before.items() for name in names}
    leave_lists(connection, was_on - is_on)
    join_lists(connection, sorted(is_on - was_on))
