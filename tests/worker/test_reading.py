"""The reading side: what people see of events, a page at a time."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from desk import BEGIN, SECOND, Desk, event_id, make_event, order, upsert
from sqlalchemy import update

from gateway.actions.fields import microseconds
from gateway.event import Status
from gateway.operations.bulk import find_work
from gateway.store.contacts import find_contact
from gateway.store.counting import count_deliveries_of
from gateway.store.events import count_by_status, list_events, load_event
from gateway.store.searching import EventFilter, span_of, walk
from gateway.store.tables import events, orders

A = {"email": "a@example.com"}
FAILED = {"status": Status.FAILED, "stage": "transform", "reason": "broke"}


def roots(desk: Desk, chosen: EventFilter, **bounds: str) -> list[str]:
    """Give the roots that a replay of this filter would take again, in the order of the events that it finds."""
    with desk.store.reading() as connection:
        rows = next(walk(connection, chosen, span_of(chosen, **bounds), is_newest_first=False))
        return [root for _, root in find_work(connection, "replay", rows, chosen, deadline=math.inf).found]


def ids(events: list[dict[str, object]]) -> list[object]:
    return [event["id"] for event in events]


def test_events_are_listed_newest_first_and_page_by_page(desk: Desk) -> None:
    desk.send(*(make_event(number, upsert(A)) for number in range(1, 6)))
    with desk.store.reading() as connection:
        first = list_events(connection, limit=2)
        second = list_events(connection, limit=2, before_id=str(first[-1]["id"]))
    assert ids(first) + ids(second) == [event_id(number) for number in (5, 4, 3, 2)]


def test_events_are_chosen_by_source_status_and_time(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A)), make_event(2, **FAILED), make_event(3, upsert(A), source="till"))
    with desk.store.reading() as connection:
        assert ids(list_events(connection, source="till")) == [event_id(3)]
        assert ids(list_events(connection, status="failed")) == [event_id(2)]
        assert ids(list_events(connection, since=BEGIN + 2 * SECOND)) == [event_id(3), event_id(2)]
        assert count_by_status(connection) == {"applied": 2, "failed": 1}
        assert count_by_status(connection, "till") == {"applied": 1}


def test_an_event_that_is_not_there_is_none(desk: Desk) -> None:
    with desk.store.reading() as connection:
        assert load_event(connection, event_id(1)) is None
        assert find_contact(connection, "email", "a@example.com") is None


def test_times_are_shown_in_utc_and_a_replay_has_a_time_of_its_own(desk: Desk) -> None:
    replay = make_event(1, upsert(A), at=5)
    made_at = "evt_01K5PXTG000000000000000000"
    desk.send(replay, type(replay)(made_at, replay.id, "shop", replay.received_at, Status.IGNORED))
    with desk.store.reading() as connection:
        found = load_event(connection, made_at)
    assert found is not None
    assert found["received_at"] == "2026-09-21T14:13:25.000000Z"
    assert found["created_at"] == "2025-09-21T20:00:40.448000Z"


FIRST, LAST = (microseconds(moment.replace(tzinfo=UTC)) for moment in (datetime.min, datetime.max))  # noqa: DTZ901
OUTSIDE = timedelta(hours=14) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (FIRST, "0001-01-01T00:00:00.000000Z"),
        (FIRST - OUTSIDE, "0001-01-01T00:00:00.000000Z"),
        (LAST + OUTSIDE, "9999-12-31T23:59:59.999999Z"),
        (-(2**63), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_whatever_time_a_row_holds_it_can_be_read(desk: Desk, at: int, shown: str) -> None:
    desk.send(make_event(1, order(A)), make_event(2, upsert(A), occurred_at=FIRST))
    with desk.store.writing() as connection:
        connection.execute(update(orders).values(purchased_at=at))
        connection.execute(update(events).values(occurred_at=at))
    assert desk.event(1)["occurred_at"] == shown
    with desk.store.reading() as connection:
        assert [event["occurred_at"] for event in list_events(connection)] == [shown, shown]
    assert [found["purchased_at"] for found in desk.orders("727")] == [shown]
    found = desk.contact("email", "a@example.com")
    assert found["orders"][0]["purchased_at"] == shown
    assert found["created_at"] == "0001-01-01T00:00:00.000000Z"


def test_a_filter_selects_one_root_a_delivery(desk: Desk) -> None:
    desk.send(make_event(1, **FAILED, unique_key="d"), make_event(2, **FAILED, unique_key="d"))
    desk.send(make_event(3, upsert(A), unique_key="e"), make_event(4, upsert(A), unique_key="e"))
    desk.send(make_event(5, **FAILED), make_event(6, upsert(A), key_id="key_1"), make_event(7, root=3, unique_key="e"))
    everything = roots(desk, EventFilter())
    assert everything == [event_id(1), event_id(5), event_id(3)]
    # The replay of the second one is newer than that: it has been taken again already.
    assert roots(desk, EventFilter(), before=event_id(5)) == everything[:1]
    assert roots(desk, EventFilter(), after=event_id(1)) == [event_id(5), event_id(3)]
    assert roots(desk, EventFilter(statuses=("failed",))) == [event_id(1), event_id(5)]
    with desk.store.reading() as connection:
        assert count_deliveries_of(connection, EventFilter()) == 3
        assert count_deliveries_of(connection, EventFilter(statuses=("failed",))) == 2


def test_a_delivery_that_was_repaired_has_not_failed(desk: Desk) -> None:
    desk.send(make_event(1, **FAILED), make_event(2, **FAILED))
    desk.send(make_event(3, upsert(A), root=1))
    assert roots(desk, EventFilter(statuses=("failed",))) == [event_id(2)]
    assert roots(desk, EventFilter(statuses=("applied",))) == [event_id(1)]
    with desk.store.reading() as connection:
        assert count_deliveries_of(connection, EventFilter(statuses=("failed",))) == 1
    assert desk.event(1)["replaced_by"] == event_id(3)
