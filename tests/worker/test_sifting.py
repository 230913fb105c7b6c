"""Looking into payloads is done a body at a time, each in a bounded time: on both databases."""

import math
import time
from dataclasses import replace
from typing import Any

import pytest
from desk import Desk, event_id, make_event
from test_queries import statements

from gateway.event import Status
from gateway.operations import bulk
from gateway.operations.payloads import VALUES_MAX
from gateway.operations.searching import _search
from gateway.store import requests
from gateway.store.searching import EventFilter, span_of, walk

HEAVY = b'{"sku": 7, "many": [%b0]}' % (b"0," * VALUES_MAX)
LIGHT = b'{"sku": 7, "many": [0]}'
SKU = EventFilter(path="**.sku", value="7")


def fill(desk: Desk, *bodies: bytes) -> None:
    """Store failed events with these bodies; the first is the oldest, number 1."""
    told = {"status": Status.FAILED, "stage": "transform", "reason": "broke"}
    desk.send(*(make_event(number, body=body, **told) for number, body in enumerate(bodies, 1)))


def search(desk: Desk, before: str = "", seconds: float = 60) -> dict[str, Any]:
    with desk.store.reading() as connection:
        return _search(connection, SKU, before, 50, seconds, True)


def numbers(page: dict[str, Any]) -> list[int]:
    return [int(event["id"][4:]) for event in page["events"]]


def test_a_page_whose_time_is_over_has_looked_at_one_more_and_the_next_goes_on_behind_it(desk: Desk) -> None:
    fill(desk, LIGHT, HEAVY, b"no json", LIGHT, HEAVY)
    pages, before = [], ""
    while not pages or pages[-1]["next"] is not None:
        pages.append(search(desk, before, seconds=0))
        before = pages[-1]["next"]
        assert len(pages) < 10, "it stands still"
    assert [numbers(page) for page in pages] == [[], [4], [], [], [1], []]
    assert [page["unread"] for page in pages] == [1, 0, 0, 1, 0, 0]
    assert [page["scanned"] for page in pages] == [1, 1, 1, 1, 1, 0]
    assert [page["is_complete"] for page in pages] == [False] * 5 + [True]


def test_a_search_with_time_says_how_many_bodies_it_could_not_look_through(desk: Desk) -> None:
    fill(desk, LIGHT, HEAVY, LIGHT)
    page = search(desk)
    assert (numbers(page), page["unread"], page["scanned"], page["is_complete"]) == ([3, 1], 1, 3, True)


def test_few_bodies_are_in_memory_at_once_and_a_page_asks_for_no_more_than_it_looks_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_AT_ONCE_BYTES", 2 * len(LIGHT))
    fill(desk, *[LIGHT] * 7)
    with statements(desk) as seen:
        assert numbers(search(desk)) == [7, 6, 5, 4, 3, 2, 1]
    assert bodies_asked_for(seen) == [2, 2, 2, 1]
    with statements(desk) as seen:
        assert numbers(search(desk, seconds=0)) == [7]
    assert bodies_asked_for(seen) == [2]


def bodies_asked_for(seen: list[Any]) -> list[int]:
    """Count the ids in each question for bodies."""
    return [str(given).count("evt_") for text, given in seen if "head_blob" in text]


def test_a_replay_is_found_by_the_request_of_its_root(desk: Desk) -> None:
    fill(desk, LIGHT, b"no json")
    desk.send(make_event(3, root=1, status=Status.FAILED), make_event(4, root=2, status=Status.FAILED))
    assert numbers(search(desk)) == [3, 1]


def test_bulk_work_never_touches_what_it_could_not_look_through(desk: Desk) -> None:
    fill(desk, LIGHT, HEAVY, LIGHT)
    with desk.store.reading() as connection:
        assert bulk._count(connection, "discard", SKU) == {"count": 2, "is_exact": False}
        assert bulk._count(connection, "discard", replace(SKU, id_prefix=event_id(1))) == {"count": 1, "is_exact": True}
        rows = next(walk(connection, SKU, span_of(SKU), is_newest_first=False))
        work = bulk.find_work(connection, "discard", rows, SKU, math.inf)
    assert ([found for found, _ in work.found], work.unread) == ([event_id(1), event_id(3)], 1)
    assert work.reached == event_id(3)


def test_a_step_of_bulk_work_whose_time_is_over_says_what_it_has_reached(desk: Desk) -> None:
    fill(desk, LIGHT, LIGHT, LIGHT)
    with desk.store.reading() as connection:
        rows = next(walk(connection, SKU, span_of(SKU), is_newest_first=False))
        work = bulk.find_work(connection, "replay", rows, SKU, time.monotonic())
        nothing = bulk.find_work(connection, "replay", [], SKU, time.monotonic())
    assert (work.found, work.reached) == ([(event_id(1), event_id(1))], event_id(1))
    assert (nothing.found, nothing.reached) == ([], "")
