"""Every try to apply an event is on the event, also those that left nothing else behind; the count is exact."""

import asyncio
from typing import Any

import pytest
from desk_of_jobs import Desk, make_event, start, until, visit

from gateway.event import Lane
from gateway.store import dialect
from gateway.store.tries import TRIES_MAX
from gateway.worker import coalesce


def tries(desk: Desk, event_id: str) -> tuple[int, list[dict[str, Any]]]:
    found = desk.event(event_id) or {}
    return found["attempt_count"], found["attempts"]


async def test_one_try_that_went_well_is_listed_with_its_time_and_no_error(desk: Desk) -> None:
    event = visit("one@example.com")
    await desk.writer.apply([event], Lane.LIVE)
    count, listed = tries(desk, event.id)
    assert (count, len(listed), listed[0]["error"]) == (1, 1, None)
    assert listed[0]["at"].startswith("20")
    assert listed[0]["ms"] >= 0


async def test_tries_against_a_busy_database_are_listed_once_it_is_free(
    desk: Desk, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(coalesce, "BACKOFF_SECONDS_MAX", 0.001)
    desk.store.engine.dispose()
    event = visit("patient@example.com")
    with desk.locked():
        task = start(desk, event)
        await until(lambda: sum(line["event"] == "store_busy" for line in lines) >= TRIES_MAX + 5)
    await task
    busy = sum(line["event"] == "store_busy" for line in lines)
    count, listed = tries(desk, event.id)
    assert count == busy + 1, "every one is counted"
    assert len(listed) == TRIES_MAX, "the newest are kept"
    assert all("busy" in one["error"] for one in listed[:-1])
    assert listed[-1]["error"] is None


async def test_a_job_that_was_put_back_unwritten_says_so_when_it_is_written(desk: Desk) -> None:
    first, second = visit("first@example.com"), visit("second@example.com")
    with desk.locked():
        at_work = start(desk, first)
        await asyncio.sleep(0.05)
        waiting = start(desk, second)
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await at_work
    await desk.writer.apply([second], Lane.LIVE)
    count, listed = tries(desk, second.id)
    assert (count, [one["error"] for one in listed]) == (2, ["put back: no transaction took it up in time", None])
    assert tries(desk, first.id)[0] == 1


async def test_an_event_that_waited_lists_what_it_waited_for(desk: Desk) -> None:
    lacking = make_event(
        {
            "action": "createContactactivities",
            "contact": {"identifiers": {"email": "later@example.com"}},
            "contactActivities": [{"name": "visit", "time": "2026-01-01T00:00:00Z"}],
        }
    )
    await desk.writer.apply([lacking], Lane.LIVE)
    await desk.writer.apply([visit("later@example.com")], Lane.LIVE)
    count, listed = tries(desk, lacking.id)
    assert (count, [one["error"] for one in listed]) == (2, ["waits for contact email:later@example.com", None])


async def test_one_bad_row_among_a_thousand_costs_its_neighbours_a_halving_each_time_and_no_more(desk: Desk) -> None:
    events = [visit(f"n{number}@example.com") for number in range(1000)]
    culprit = events[617]
    desk.poison(culprit.id)
    with desk.counting_commits() as commits:
        await desk.writer.apply(events, Lane.LIVE)
    halvings = 10  # 2 ** 10 > 1000
    assert len(commits) <= halvings + 1, "a clean half at every halving, and the culprit alone"
    assert {desk.status(event) for event in events if event is not culprit} == {"applied"}
    count, listed = tries(desk, culprit.id)
    assert count <= halvings + 2, "and once more, waking nobody"
    assert [one["error"] for one in listed] == ["IntegrityError"] * count, "it failed in every part it was in"
    assert (desk.event(culprit.id) or {})["status"] == "failed"
    assert tries(desk, events[0].id)[0] == 2, "the first half broke once, and went well without the other"
