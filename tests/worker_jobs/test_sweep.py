"""What nobody asks for: stragglers are taken up, and after seven days waiting ends."""

import time
from typing import Any

import msgpack
from desk_of_jobs import Desk, make_event, visit

from gateway.event import Event, Lane
from gateway.queue.bulk import enqueue_bulk
from gateway.queue.jobs import find_retaken
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Retake, unpack
from gateway.queue.retake import enqueue_retake
from gateway.store.lists import create_lists
from gateway.worker.sweep import WAITING_MICROSECONDS_MAX, Sweep


async def swept(desk: Desk) -> list[str]:
    """Sweep once, take what that enqueued as the worker would, and give the ids."""
    await Sweep(desk.store, desk.redis).once()
    taken: list[str] = []
    for job_id in await desk.redis.zrange(queue_name(Lane.BULK), 0, -1):
        stored = await desk.redis.get(b"arq:job:" + job_id)
        parcel = unpack(msgpack.unpackb(stored)["a"][0])
        assert isinstance(parcel, Retake)
        await desk.jobs.take(parcel, Lane.BULK)
        await desk.redis.zrem(queue_name(Lane.BULK), job_id)
        taken += parcel.event_ids
    return taken


def add_source(desk: Desk, state: str) -> None:
    desk.execute(f"INSERT INTO sources (name, state, created_at, changed_at) VALUES ('shop', '{state}', 0, 0)")


def waits_for_a_contact(email: str, **values: Any) -> Event:
    action = {
        "action": "createContactactivities",
        "contact": {"identifiers": {"email": email}},
        "contactActivities": [{"name": "visit", "time": "2026-01-01T00:00:00Z"}],
    }
    return make_event(action, **values)


def older(event: Event, microseconds: int) -> Event:
    return Event(event.id, event.root, event.source, time.time_ns() // 1000 - microseconds, event.status, event.actions)


async def test_what_is_held_though_its_source_runs_is_taken_up(desk: Desk) -> None:
    add_source(desk, "paused")
    event = visit("held@example.com")
    await desk.writer.apply([event], Lane.LIVE)
    assert desk.status(event) == "held"
    assert await swept(desk) == [], "its source is still paused"
    desk.execute("UPDATE sources SET state = 'live'")
    assert await swept(desk) == [event.id]
    assert desk.status(event) == "applied"
    assert await swept(desk) == []


async def test_what_a_job_is_to_take_already_is_asked_for_once(desk: Desk) -> None:
    add_source(desk, "paused")
    events = [visit(f"n{number}@example.com") for number in range(300)]
    await desk.writer.apply(events, Lane.LIVE)
    desk.execute("UPDATE sources SET state = 'live'")
    await enqueue_bulk(desk.redis, [visit("bulky@example.com", body=b"x" * 100_000)])
    await enqueue_retake(desk.redis, [event.id for event in events[:100]])
    for _ in range(3):
        await Sweep(desk.store, desk.redis).once()
    assert await find_retaken(desk.redis, [event.id for event in events]) == {event.id for event in events}
    assert await desk.redis.zcard(queue_name(Lane.BULK)) == 2 + 1, "the 200 that no job named, in one job"


async def test_what_waits_for_a_list_that_is_there_is_taken_up(desk: Desk) -> None:
    action = {
        "action": "addContactsToList",
        "contacts": {"identifiers": {"email": "l@example.com"}},
        "listName": "VIP",
        "isAllowedToCreateLists": False,
    }
    event = make_event(action)
    await desk.writer.apply([event], Lane.LIVE)
    assert desk.status(event) == "waiting"
    assert await swept(desk) == []
    with desk.store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
    assert await swept(desk) == [event.id]
    assert desk.status(event) == "applied"
    assert (desk.contact("l@example.com") or {})["lists"] == ["VIP"]


async def test_waiting_ends_after_seven_days_and_not_before(desk: Desk) -> None:
    minute = 60 * 1_000_000
    late = older(waits_for_a_contact("late@example.com"), WAITING_MICROSECONDS_MAX + minute)
    young = older(waits_for_a_contact("young@example.com"), WAITING_MICROSECONDS_MAX - minute)
    await desk.writer.apply([late, young], Lane.LIVE)
    assert (desk.status(late), desk.status(young)) == ("waiting", "waiting")
    await swept(desk)
    assert (desk.status(late), desk.status(young)) == ("failed", "waiting")
    assert (desk.event(late.id) or {})["reason"].startswith("given up: ")

    await desk.writer.apply([visit("late@example.com"), visit("young@example.com")], Lane.LIVE)
    assert (desk.status(late), desk.status(young)) == ("failed", "applied"), "what was given up stays so"


async def test_a_contact_wakes_more_events_than_one_transaction_takes(desk: Desk) -> None:
    events = [waits_for_a_contact("many@example.com") for _ in range(300)]
    await desk.writer.apply(events, Lane.LIVE)
    creator = make_event({"action": "upsertContact", "identifiers": {"email": "many@example.com"}})
    await desk.writer.apply([creator], Lane.LIVE)
    assert len(desk.woken) == 300 - 256
    await desk.writer.retake(desk.woken, Lane.BULK)
    assert {desk.status(event) for event in events} == {"applied"}
