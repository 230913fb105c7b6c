"""Where jobs stand in the live lane: a flood is behind whoever sends little, and keeps its own order."""

import asyncio
import time
from dataclasses import replace

import pytest
from arq.connections import ArqRedis
from own_valkey import list_jobs, make_event, pack

from gateway.event import WEIGHT_AT_ONCE_MAX, Event, Lane
from gateway.queue import consume, jobs, places
from gateway.queue.consume import LaneWorker
from gateway.queue.enqueue import FLIGHTS, Enqueuer
from gateway.queue.inspection import read_queue
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Events, Parcel
from gateway.queue.places import AHEAD_MS_MAX, MS_PER_WEIGHT, Places

HEAVY = b"[" + b"{}," * 3000 + b"{}]"


def event_of(source: str, actions: bytes = b"[{}]") -> Event:
    return replace(make_event(), source=source, actions=actions)


async def put_each(enqueuer: Enqueuer, events: list[Event]) -> list[str]:
    """Send one after the other, as one connection does."""
    for event in events:
        await enqueuer.put(pack(event))
    return [event.id for event in events]


async def take_all(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch, count: int) -> list[str]:
    """Have a worker take so many events, one job after the other; give their ids in the order of taking."""
    monkeypatch.setitem(consume.JOBS_MAX, Lane.LIVE, 1)
    taken, enough = list[str](), asyncio.Event()

    async def take(parcel: Parcel, lane: Lane) -> None:
        assert isinstance(parcel, Events)
        taken.extend(event.id for event in parcel.events)
        if len(taken) == count:
            enough.set()

    worker = LaneWorker(redis, Lane.LIVE, take, timeout_seconds=20, poll_seconds=0.001)
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(enough.wait(), 30)
    await worker.stop()
    await asyncio.gather(task, return_exceptions=True)
    return taken


async def test_a_neighbour_is_taken_before_a_flood_that_came_earlier(
    enqueuer: Enqueuer, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = await put_each(enqueuer, [event_of("flood", HEAVY) for _ in range(40)])
    (neighbour,) = await put_each(enqueuer, [event_of("calm")])
    order = await take_all(redis, monkeypatch, 41)
    assert order.index(neighbour) < 5, "behind what was sent before the flood ran ahead, and no more"
    order.remove(neighbour)
    assert order == flood, "what one source sends stays in order"


async def test_many_who_send_little_share_a_job(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    await asyncio.gather(*(enqueuer.put(pack(event_of(f"shop-{number}"))) for number in range(100)))
    assert len(await list_jobs(redis)) <= 2 * FLIGHTS, "a second may end between two flushes"


async def test_many_who_send_much_do_not_make_a_job_each(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    names = [f"shop-{number}" for number in range(50)]
    for number, name in enumerate(names):
        enqueuer._places.take(name, 1500 * (number + 1))
    await enqueuer.put(*(pack(event_of(name)) for name in names))
    assert len(await list_jobs(redis)) <= 15


async def test_a_flood_takes_nobody_along_who_is_in_the_same_flush(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    flood, calm = [event_of("flood", HEAVY) for _ in range(10)], [event_of("calm") for _ in range(10)]
    await enqueuer.put(*map(pack, flood[:5]))
    await enqueuer.put(*(pack(event) for pair in zip(flood[5:], calm[5:], strict=True) for event in pair))
    (job,) = [ids for ids in (await list_jobs(redis)).values() if calm[9].id in ids]
    assert job == [event.id for event in calm[5:]]


async def test_a_job_is_no_heavier_than_a_transaction(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    events = {event.id: event for event in (event_of("flood", HEAVY[: 3 * 1500] + b"{}]") for _ in range(20))}
    await enqueuer.put(*map(pack, events.values()))
    weights = [sum(events[one].weight for one in ids) for ids in (await list_jobs(redis)).values()]
    assert len(weights) == 7
    assert max(weights) <= WEIGHT_AT_ONCE_MAX


async def test_the_age_of_a_job_is_told_by_when_it_was_made(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    await put_each(enqueuer, [event_of("calm")])
    lanes = (await read_queue(redis))["lanes"]
    assert (lanes["live"]["jobs"], lanes["bulk"]) == (1, {"jobs": 0, "oldest_seconds": 0.0})
    assert lanes["live"]["oldest_seconds"] < 60
    await redis.zadd(queue_name(Lane.LIVE), {"strange": (time.time() + 3600) * 1000})
    waiting, deferred = await jobs.list_jobs(redis, Lane.LIVE, 10)
    assert (waiting["state"], deferred["state"]) == ("waiting", "deferred")
    assert time.time() - 60 < waiting["due"] <= time.time() < deferred["due"]


class Clock:
    """A clock that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 1_800_000_000_000
        monkeypatch.setattr(places.time, "time_ns", lambda: self.ms * 1_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_no_place_is_still_to_come_however_much_a_source_sends_and_wherever_the_clock_goes(clock: Clock) -> None:
    mine = Places()
    for step_ms in (0, 0, 10, 86_400_000, 0, -86_400_000, 0, 1):  # a machine's clock may be set back
        clock.ms += step_ms
        assert all(mine.take("flood", AHEAD_MS_MAX // 3) <= clock.ms for _ in range(5))


def test_who_has_waited_long_enough_stands_where_everybody_does(clock: Clock) -> None:
    mine = Places()
    for _ in range(10):
        mine.take("flood", 3000)
    assert mine.take("flood", 1) > mine.take("calm", 1)
    clock.ms += 60_000 * MS_PER_WEIGHT
    assert mine.take("flood", 1) == mine.take("calm", 1)


def test_places_of_one_source_never_go_back(clock: Clock) -> None:
    mine, last = Places(), 0
    for number in range(5000):
        clock.ms += (number * 7919) % 4001
        place = mine.take("flood", (number * 104_729) % 5003)
        assert place >= last
        last = place


def test_of_two_floods_none_waits_for_the_whole_other_one(clock: Clock) -> None:
    mine = Places()
    sent = [(mine.take(source, 3000), source, number) for source in ("first", "second") for number in range(20)]
    order = [sent.index(one) for one in sorted(sent, key=lambda one: one[0])]
    assert order != sorted(order)
    assert order.index(20 + 9) < 25, "in turns it is the twentieth, after all of the first the thirtieth"
