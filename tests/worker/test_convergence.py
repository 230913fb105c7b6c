"""The promise: webhooks that come late, twice and out of order, and are replayed, leave the same database.

Hypothesis makes up a world of events and two ways in which they may arrive. After every batch the store is
asked all that it can be asked, and must say what the clerk of `model` says; at the end of both ways it must
say the same. HOOKWRIGHT_TEST_EXAMPLES says how many worlds; on PostgreSQL it is a part of that.
"""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from desk import (
    BEGIN,
    SECOND,
    Action,
    Desk,
    activity,
    bought,
    event_id,
    join,
    leave,
    make_event,
    order,
    put,
    records,
    take,
    upsert,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import Clerk

from gateway.clock import iso
from gateway.event import Event, Status
from gateway.worker.apply import batch, carts

EXAMPLES = int(os.environ.get("HOOKWRIGHT_TEST_EXAMPLES", "60"))
TILL = "+12025550123"  # one phone for two people: a shared till
PEOPLE = (
    {"customId": "c1", "email": "a@example.com", "phone": TILL},
    {"customId": "c2", "email": "b@example.com", "phone": TILL},
)
LISTS = ("VIP", "news")
# Few people, few orders a world: so that what is said of them meets, and does not only pass each other.
crowds = st.shared(st.sampled_from([PEOPLE[:1], PEOPLE]), key="crowd")
order_ids = st.shared(st.sampled_from([("o1",), ("o1", "o2")]), key="orders").flatmap(st.sampled_from)
booleans = st.booleans()
seconds = st.integers(0, 12)


@st.composite
def one_name(draw: st.DrawFn) -> dict[str, str]:
    """Name a person by one identifier: what the actions that may not merge can do and always mean the same."""
    person = draw(crowds.flatmap(st.sampled_from))
    key = draw(st.sampled_from(sorted(person)))
    return {key: person[key]}


@st.composite
def names(draw: st.DrawFn) -> dict[str, str]:
    person = draw(crowds.flatmap(st.sampled_from))
    keys = draw(st.lists(st.sampled_from(sorted(person)), min_size=1, unique=True))
    return {key: person[key] for key in keys}


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Any]:
    said = draw(
        st.dictionaries(st.sampled_from(["x", "y", *LISTS]), st.sampled_from([1, 2, True, False, None]), max_size=2)
    )
    if draw(booleans):
        said["channels.email.subscribeStatus"] = draw(st.sampled_from(["subscribed", "unsubscribed"]))
    if draw(st.integers(0, 5)) == 0:
        said["email"] = draw(st.sampled_from(["a@example.com", "new@example.com"]))
    return said


def some(qty_max: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    item = st.builds(bought, st.sampled_from("PPQ"), st.integers(1, qty_max), name=st.sampled_from(["old", "new"]))
    return st.lists(item, min_size=1, max_size=2)


items = some(3)


def written(second: int) -> str:
    text = iso(BEGIN + second * SECOND)
    assert text is not None
    return text


@st.composite
def activities(draw: st.DrawFn) -> Action:
    return activity(
        draw(names()),
        draw(st.sampled_from(["view", "click"])),
        written(draw(seconds)),
        attributes=draw(attributes()),
        forceSubscribe=draw(booleans),
        canBeCreated=draw(booleans),
        canBeUpdated=draw(booleans),
    )


@st.composite
def supplements(draw: st.DrawFn) -> Action:
    fields = st.dictionaries(st.sampled_from("fg"), st.integers(0, 3), min_size=1)
    documents = [{"id": draw(st.sampled_from("rs")), **draw(fields)} for _ in range(draw(st.integers(1, 2)))]
    if not draw(booleans):
        return records(draw(one_name()), *documents)
    dated = [document | {"updated_at": written(draw(seconds))} for document in documents]
    return records(draw(one_name()), *dated, updatedDateField="updated_at")


@st.composite
def orders(draw: st.DrawFn) -> Action:
    total = {"totalAmount": draw(st.sampled_from(["1.50", "2"]))} if draw(booleans) else {}
    return order(
        draw(one_name()),
        draw(order_ids),
        draw(st.sampled_from(["paid", "sent"])),
        items=draw(items),
        removeItemsFromCart=draw(st.integers(0, 3)) > 0,
        **total,
    )


lists = st.sampled_from(LISTS)
people = st.lists(one_name(), min_size=1, max_size=2)
KINDS = (
    st.builds(lambda who, what, force: upsert(who, attributes=what, force=force), names(), attributes(), booleans),
    activities(),
    st.builds(lambda name, who, may: join(name, *who, isAllowedToCreateLists=may), lists, people, booleans),
    st.builds(lambda name, who: leave(name, *who), lists, people),
    supplements(),
    orders(),
    st.builds(lambda who, what, whole: put(who, *what, whole=whole), one_name(), some(9), booleans),
    st.builds(lambda who, what: take(who, *what), one_name(), items),
)


@st.composite
def told(draw: st.DrawFn, kinds: Sequence[int]) -> dict[str, Any]:
    """Draw what a script made of a request: it failed, or gave none, one or several actions."""
    outcome = draw(st.integers(0, 9))
    if outcome == 0:
        return {"status": Status.FAILED, "stage": "transform", "reason": "the script broke"}
    action = st.sampled_from(kinds).flatmap(lambda kind: KINDS[kind])
    many = draw(st.lists(action, min_size=min(outcome - 1, 1), max_size=3))
    for one in many:
        if draw(booleans):
            one["occurredAt"] = written(draw(seconds))
        if draw(st.integers(0, 3)) == 0:
            one["source"] = "till"
    return {"actions": many}


def make(number: int, said: dict[str, Any], **fields: Any) -> Event:
    rest = {name: value for name, value in said.items() if name != "actions"}
    return make_event(number, *said.get("actions", ()), **rest, **fields)


@st.composite
def worlds(draw: st.DrawFn) -> list[Event]:
    kinds = draw(st.lists(st.sampled_from(range(len(KINDS))), min_size=1, max_size=4, unique=True), label="kinds")
    first = [
        make(
            number,
            draw(told(kinds)),
            at=draw(seconds),
            unique_key=draw(st.sampled_from([None, None, "d", "e"])),
            occurred_at=draw(st.one_of(st.none(), seconds.map(lambda second: BEGIN + second * SECOND))),
        )
        for number in range(1, draw(st.integers(2, 6)) + 1)
    ]
    replays = []
    for number in range(len(first) + 1, len(first) + 1 + draw(st.integers(0, 3))):
        root = draw(st.sampled_from(first))
        at = (root.received_at - BEGIN) // SECOND
        replays.append(
            make(
                number,
                draw(told(kinds)),
                root=int(root.id[4:]),
                at=at,
                unique_key=root.unique_key,
                occurred_at=root.occurred_at,
            )
        )
    return [*first, *replays]


@st.composite
def shopping(draw: st.DrawFn) -> list[Event]:
    """Draw one after the other what two people put, take and order: every change meets the ones before it."""
    who = st.sampled_from([{"customId": "c1"}, {"customId": "c1"}, {"customId": "c2"}])
    change = st.one_of(
        st.builds(lambda person, what: put(person, *what), who, some(9)),
        st.builds(lambda person, what: take(person, *what), who, items),
        st.builds(lambda person, what, number: order(person, number, items=what), who, items, order_ids),
        st.builds(lambda person, what: put(person, *what, whole=True), who, items),
    )
    return [make_event(number, said) for number, said in enumerate(draw(st.lists(change, min_size=3, max_size=7)), 1)]


@st.composite
def arrivals(draw: st.DrawFn, events: Sequence[Event]) -> list[list[Event]]:
    """Draw an order, duplicates and batches. A replay is made of what was seen: its root comes before it."""
    shuffled = [*draw(st.permutations(events)), *draw(st.lists(st.sampled_from(events), max_size=3))]
    seen: set[str] = set()
    on_time, later = [], []
    for one in shuffled:
        (on_time if one.root in (one.id, *seen) else later).append(one)
        seen.add(one.id)
    line = on_time + later
    is_cut = draw(st.lists(booleans, min_size=len(line) - 1, max_size=len(line) - 1))
    cuts = [place for place, is_one in enumerate(is_cut, 1) if is_one]
    return [line[start:end] for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True)]


def check(desk: Desk, clerk: Clerk) -> tuple[Any, ...]:
    assert desk.statuses() == {one: status.value for one, status in clerk.status.items()}
    for (key, value), expected in clerk.find_contacts().items():
        found = desk.contact(key, value)
        found["orders"].sort(key=lambda one: (one["origin"], one["order_id"]))
        assert found == expected
    for order_id in ("o1", "o2"):
        assert desk.orders(order_id) == clerk.find_orders(order_id)
    return clerk.find_contacts(), clerk.find_orders("o1"), clerk.find_orders("o2"), clerk.status


def run(desk: Desk, batches: Sequence[Sequence[Event]]) -> tuple[Any, ...]:
    desk.clear()
    clerk, answers = Clerk(), ()
    for events in batches:
        desk.send_and_wake(events)
        clerk.receive(events)
        answers = check(desk, clerk)
    return answers


def check_two_ways(desk: Desk, data: st.DataObject, world: list[Event]) -> None:
    ways = [data.draw(arrivals(world), label="arrivals") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        # Small limits, so that what is behind them is met: a cart that has forgotten, a wake that is not finished.
        patch.setattr(carts, "RECENT_CHANGES_MAX", data.draw(st.sampled_from([1, 2, 256]), label="changes kept"))
        patch.setattr(carts, "RECENT_MICROSECONDS_MAX", data.draw(st.sampled_from([0, 3, 3600])) * SECOND)
        patch.setattr(batch, "WOKEN_MAX", data.draw(st.sampled_from([1, 256]), label="woken at once"))
        one, two = (run(desk, way) for way in ways)
    assert one == two


many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="HOOKWRIGHT_TEST_EXAMPLES" not in os.environ or "CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def check_many(desk: Desk, story: st.SearchStrategy[list[Event]]) -> None:
    """Try many worlds; on PostgreSQL, which takes longer, a part of them."""

    @settings(many, max_examples=max(EXAMPLES // desk.share, 20))
    @given(data=st.data())
    def check_one(data: st.DataObject) -> None:
        check_two_ways(desk, data, data.draw(story, label="world"))

    check_one()


def test_any_order_any_batches_duplicates_and_replays_leave_the_same(shared_desk: Desk) -> None:
    check_many(shared_desk, worlds())


def test_carts_and_the_orders_that_empty_them_are_the_same_in_any_order(shared_desk: Desk) -> None:
    check_many(shared_desk, shopping())


def test_the_worlds_are_about_something() -> None:
    """A property that is tried on nothing holds: see that waiting, duplicates and merges happen."""
    seen: set[Status] = set()

    @settings(many, max_examples=300, derandomize=True)
    @given(worlds())
    def look(world: list[Event]) -> None:
        clerk = Clerk()
        clerk.receive(world)
        seen.update(clerk.status.values())

    look()
    assert seen >= {Status.APPLIED, Status.WAITING, Status.DUPLICATE, Status.FAILED, Status.IGNORED}


def test_event_ids_of_the_worlds_are_real() -> None:
    assert make_event(7).id == event_id(7) == "evt_00000000000000000000000007"
