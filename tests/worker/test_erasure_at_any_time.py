"""An erasure at any moment of any story, against the clerk: who was erased is gone for all that happened before."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from desk import BEGIN, Action, Desk, make_event, upsert
from hypothesis import given
from hypothesis import strategies as st
from model import Clerk, further, instant, named
from test_convergence import PEOPLE, arrivals, attributes, many, names, worlds
from test_erasure import Identifier, at, erase

from gateway import clock
from gateway.event import Event
from gateway.store.tables import lists


def happened_at(event: Event, action: Action) -> int:
    said = instant(action.get("occurredAt"), event.occurred_at)
    return event.received_at if said is None else min(said, event.received_at)


def cut(event: Event, gone: set[Identifier], until: int) -> Event:
    """Take the erased out of an event, slowly."""
    kept = []
    for action in orjson.loads(event.actions):
        if happened_at(event, action) > until:
            kept.append(action)
            continue
        left = [one for one in named(action) if not gone & {*one.items(), *further(action).items()}]
        if left and "contacts" in action:
            kept.append({**action, "contacts": {"identifiers": left}})
        elif left:
            kept.append(action)
    fields = {name: getattr(event, name) for name in event.__slots__} | {"actions": orjson.dumps(kept)}
    return Event(**fields)


def answers(desk: Desk, clerk: Clerk) -> None:
    for (key, value), expected in clerk.find_contacts().items():
        found: dict[str, Any] = desk.contact(key, value)
        found["orders"].sort(key=lambda one: (one["origin"], one["order_id"]))
        assert found == expected
    for order_id in ("o1", "o2"):
        assert desk.orders(order_id) == clerk.find_orders(order_id)


def everyone() -> set[Identifier]:
    return {*(pair for person in PEOPLE for pair in person.items()), ("email", "new@example.com")}


def check_erasure(
    desk: Desk, batches: Sequence[Sequence[Event]], place: int, choose: Callable[[list[Identifier]], Identifier]
) -> None:
    desk.clear()
    before = [event for events in batches[:place] for event in events]
    after = [event for events in batches[place:] for event in events]
    until = max([event.received_at for event in before], default=BEGIN)
    with pytest.MonkeyPatch.context() as patch:
        for events in batches[:place]:
            desk.send_and_wake(events)
        there = [one for one in sorted(everyone()) if desk.has_contact(*one)]
        gone = set(erase(desk, choose(there or sorted(everyone())), at=until, patch=patch).identifiers)
        for events in batches[place:]:
            desk.send_and_wake(events)
    clerk = Clerk()
    with desk.store.reading() as connection:
        clerk.lists = set(connection.scalars(lists.select().with_only_columns(lists.c.name)))
    clerk.receive([cut(event, gone, until) for event in (*before, *after)])
    answers(desk, clerk)
    for identifier in everyone() - clerk.find_contacts().keys():
        assert not desk.has_contact(*identifier)


@many
@given(data=st.data())
def test_in_any_order_an_erased_person_is_gone_for_what_was_before_and_there_for_what_comes_after(
    shared_desk: Desk, data: st.DataObject
) -> None:
    world = data.draw(worlds(), label="world")
    batches = data.draw(arrivals(world), label="arrivals")
    place = data.draw(st.integers(0, len(batches)), label="erased before batch")
    check_erasure(shared_desk, batches, place, lambda there: data.draw(st.sampled_from(there), label="who"))


@st.composite
def acquaintances(draw: st.DrawFn) -> list[Event]:
    """Draw who is named by which identifiers, again and again: some are known before the erasure, some only after."""
    said = draw(st.lists(st.tuples(names(), attributes(), st.integers(1, 3)), min_size=2, max_size=6))
    return [make_event(number, upsert(who, attributes=what), at=at) for number, (who, what, at) in enumerate(said, 1)]


@many
@given(data=st.data())
def test_one_identifier_of_an_erased_person_is_enough_to_be_dropped(shared_desk: Desk, data: st.DataObject) -> None:
    world = data.draw(acquaintances(), label="world")
    place = data.draw(st.integers(1, len(world) - 1), label="erased before event")
    batches = [[event] for event in world]
    check_erasure(shared_desk, batches, place, lambda there: data.draw(st.sampled_from(there), label="who"))


def test_the_worlds_do_erase_somebody_and_somebody_comes_anew(shared_desk: Desk) -> None:
    who: Action = upsert(dict(PEOPLE[0]), attributes={"x": 1})
    batches = [[make_event(1, who, at=1)], [make_event(2, who, at=1)], [make_event(3, who, at=2)]]
    check_erasure(shared_desk, batches, 1, lambda there: ("customId", "c1"))
    found = shared_desk.contact("customId", "c1")
    assert found["created_at"] == clock.iso(at(2))
