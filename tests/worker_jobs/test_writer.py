"""The one writer: many jobs in one transaction, live before bulk, patient, and never stopped by one event."""

import asyncio
import threading
from typing import Any

import pytest
from desk_of_jobs import Desk, make_event, start, until, visit
from sqlalchemy.exc import IntegrityError

from gateway.errors import StoreBusy
from gateway.event import Event, Lane
from gateway.store import dialect
from gateway.worker import coalesce
from gateway.worker.apply import Applied


async def test_jobs_that_wait_at_the_same_time_share_one_transaction(desk: Desk) -> None:
    first = visit("first@example.com")
    events = [visit(f"n{number}@example.com") for number in range(200)]
    with desk.counting_commits() as commits:
        with desk.locked():
            head = start(desk, first)
            await asyncio.sleep(0.05)
            rest = [start(desk, *events[at : at + 4]) for at in range(0, 200, 4)]
            await asyncio.sleep(0.05)
        await asyncio.gather(head, *rest)
        assert len(commits) == 2, "the one that was being written, and everything that waited meanwhile"
    assert {desk.status(event) for event in [first, *events]} == {"applied"}


async def test_a_transaction_takes_at_most_a_thousand_events(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "BATCH_EVENTS_MAX", 10)
    with desk.counting_commits() as commits:
        with desk.locked():
            head = start(desk, visit("head@example.com"))
            await asyncio.sleep(0.05)
            rest = [start(desk, *(visit(f"{n}-{m}@example.com") for m in range(4))) for n in range(5)]
            await asyncio.sleep(0.05)
        await asyncio.gather(head, *rest)
        assert len(commits) == 1 + 3, "4 + 4, 4 + 4 and 4: a job is not torn"


async def test_a_job_larger_than_a_transaction_is_still_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "BATCH_BYTES_MAX", 10)
    event = visit("large@example.com", body=b"x" * 1000)
    await desk.writer.apply([event], Lane.LIVE)
    assert desk.status(event) == "applied"


async def test_live_is_written_before_bulk_that_came_earlier(desk: Desk) -> None:
    order: list[str] = []

    async def apply(name: str, lane: Lane) -> None:
        await desk.writer.apply([visit(f"{name}@example.com")], lane)
        order.append(name)

    tasks = []
    with desk.locked():
        for name, lane in (("at-work", Lane.BULK), ("bulk", Lane.BULK), ("live", Lane.LIVE)):
            tasks.append(asyncio.create_task(apply(name, lane)))
            await asyncio.sleep(0.05)
    await asyncio.gather(*tasks)
    assert order == ["at-work", "live", "bulk"]


async def test_a_busy_database_is_tried_until_it_is_free(
    desk: Desk, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_SECONDS", 0.01)
    event = visit("patient@example.com")
    with desk.locked():
        with pytest.raises(StoreBusy), desk.store.writing():
            pass
        task = start(desk, event)
        await until(lambda: sum(line["event"] == "store_busy" for line in lines) >= 3)
        assert not task.done()
        assert desk.status(event) is None
    await task
    assert desk.status(event) == "applied"


@pytest.mark.parametrize("place", [0, 4, 9])
async def test_one_event_that_cannot_be_written_is_parked_and_the_rest_is_applied(desk: Desk, place: int) -> None:
    events = [visit(f"n{number}@example.com") for number in range(10)]
    desk.poison(events[place].id)
    await desk.writer.apply(events, Lane.LIVE)
    parked = desk.event(events[place].id)
    assert parked is not None
    assert (parked["status"], parked["stage"]) == ("failed", "apply")
    assert "IntegrityError" in parked["reason"]
    assert {desk.status(event) for event in events if event.id != parked["id"]} == {"applied"}
    assert desk.contact(f"n{place}@example.com") is None


@pytest.mark.parametrize("place", [0, 2, 3])
async def test_one_stored_event_that_cannot_be_written_is_parked_and_the_rest_is_applied(
    desk: Desk, place: int
) -> None:
    events = await hold(desk, *(visit(f"n{number}@example.com") for number in range(4)))
    poisoned = events.pop(place)
    desk.poison(poisoned.id, on="UPDATE")
    desk.execute("UPDATE sources SET state = 'live'")
    await desk.writer.retake([event.id for event in [*events, poisoned]], Lane.BULK)
    parked = desk.event(poisoned.id) or {}
    assert (parked["status"], parked["stage"]) == ("failed", "apply")
    assert parked["reason"] == "a fault of the worker: IntegrityError; the log has its trace"
    assert "IntegrityError" in {one["error"] for one in parked["attempts"]}
    assert parked["issue"], "people find it where failures of one cause are"
    assert {desk.status(event) for event in events} == {"applied"}


async def hold(desk: Desk, *events: Event) -> list[Event]:
    """Store events of a paused source."""
    desk.execute("INSERT INTO sources (name, state, created_at, changed_at) VALUES ('shop', 'paused', 0, 0)")
    await desk.writer.apply(events, Lane.LIVE)
    assert {desk.status(event) for event in events} == {"held"}
    return list(events)


async def test_a_stored_event_that_cannot_even_be_parked_keeps_its_job_and_no_other_one(desk: Desk) -> None:
    bad, *good = await hold(desk, visit("bad@example.com"), visit("good@example.com"))
    desk.poison(bad.id, is_parkable=False, on="UPDATE")
    desk.execute("UPDATE sources SET state = 'live'")
    with pytest.raises(IntegrityError):
        await desk.writer.retake([bad.id], Lane.BULK)
    await desk.writer.retake([good[0].id], Lane.BULK)
    assert (desk.status(bad), desk.status(good[0])) == ("held", "applied")
    desk.cure()
    await desk.writer.retake([bad.id], Lane.BULK)
    assert desk.status(bad) == "applied"


async def test_an_event_is_not_blamed_for_one_that_waited_for_it(desk: Desk) -> None:
    lacking = [waits_for(f"n{number}@example.com") for number in range(3)]
    await desk.writer.apply(lacking, Lane.LIVE)
    desk.poison(lacking[1].id, on="UPDATE")
    bringing = [visit(f"n{number}@example.com") for number in range(3)]
    await desk.writer.apply(bringing, Lane.LIVE)
    assert {desk.status(event) for event in bringing} == {"applied"}
    assert lacking[1].id in desk.woken
    await desk.writer.retake(desk.woken, Lane.BULK)
    assert [desk.status(event) for event in lacking] == ["applied", "failed", "applied"]
    assert "IntegrityError" in (desk.event(lacking[1].id) or {})["reason"]


async def test_a_stored_event_is_not_blamed_for_one_that_waited_for_it(desk: Desk) -> None:
    lacking = waits_for("n@example.com")
    await desk.writer.apply([lacking], Lane.LIVE)
    desk.poison(lacking.id, on="UPDATE")
    (bringing,) = await hold(desk, visit("n@example.com"))
    desk.execute("UPDATE sources SET state = 'live'")
    await desk.writer.retake([bringing.id], Lane.BULK)
    assert desk.status(bringing) == "applied"
    assert desk.woken == [lacking.id]
    await desk.writer.retake(desk.woken, Lane.BULK)
    assert desk.status(lacking) == "failed"


def waits_for(email: str) -> Event:
    action = {
        "action": "createContactactivities",
        "contact": {"identifiers": {"email": email}},
        "contactActivities": [{"name": "visit", "time": "2026-01-01T00:00:00Z"}],
    }
    return make_event(action)


async def test_a_parked_event_does_not_show_what_was_sent(desk: Desk, lines: list[Any]) -> None:
    event = visit("private@example.com")
    desk.poison(event.id)
    await desk.writer.apply([event], Lane.LIVE)
    assert [line["event"] for line in lines] == ["batch_broke", "batch_broke", "batch"], "alone, and waking nobody"
    assert "private@example.com" not in repr(lines) + repr((desk.event(event.id) or {})["reason"])


async def test_an_event_that_cannot_even_be_parked_goes_back_and_the_writer_lives_on(desk: Desk) -> None:
    bad, good = visit("bad@example.com"), visit("good@example.com")
    desk.poison(bad.id, is_parkable=False)
    with pytest.raises(IntegrityError):
        await desk.writer.apply([bad], Lane.LIVE)
    await desk.writer.apply([good], Lane.LIVE)
    assert (desk.status(bad), desk.status(good)) == (None, "applied")
    desk.cure()
    await desk.writer.apply([bad], Lane.LIVE)
    assert desk.status(bad) == "applied"


async def test_an_impossible_action_parks_its_own_event_alone(desk: Desk) -> None:
    record = {"id": 1, "updated_at": "not a time"}
    bad = make_event(
        {
            "action": "upsertSupplementRecords",
            "contact": {"identifiers": {"email": "bad@example.com"}},
            "supplement": "subscriptions",
            "updatedDateField": "updated_at",
            "records": [record],
        }
    )
    good = visit("good@example.com")
    with desk.counting_commits() as commits:
        await desk.writer.apply([bad, good], Lane.LIVE)
    assert (desk.status(bad), desk.status(good), len(commits)) == ("failed", "applied", 1)


async def test_a_caller_that_stops_waiting_takes_its_work_back(desk: Desk) -> None:
    first, second = visit("first@example.com"), visit("second@example.com")
    with desk.locked():
        at_work = start(desk, first)
        await asyncio.sleep(0.05)
        waiting = start(desk, second)
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await at_work
    assert (desk.status(first), desk.status(second)) == ("applied", None)


async def test_closing_finishes_the_batch_that_is_being_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    event, begun, write = visit("last@example.com"), threading.Event(), coalesce.apply_batch

    def note_and_write(*arguments: Any, **keywords: Any) -> list[Applied]:
        begun.set()
        return write(*arguments, **keywords)

    monkeypatch.setattr(coalesce, "apply_batch", note_and_write)
    with desk.locked():
        task = start(desk, event)
        await until(begun.is_set)
        closing = asyncio.create_task(desk.writer.close())
        await asyncio.sleep(0.05)
    await closing
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert desk.status(event) == "applied"


def test_the_poison_is_a_real_one(desk: Desk) -> None:
    event = visit("real@example.com")
    desk.poison(event.id)
    with pytest.raises(IntegrityError, match="poison"):
        desk.execute(f"INSERT INTO events (id, status) VALUES ('{event.id}', 'queued')")
