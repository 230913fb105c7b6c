"""Jobs from a real queue into a real database: once, whatever happens between the two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arq.connections import ArqRedis
from desk_of_jobs import Desk, until, visit

from gateway.event import Event, Lane
from gateway.queue.connect import open_arq
from gateway.queue.consume import LaneWorker
from gateway.queue.enqueue import Enqueuer, Packed
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.parcel import Events, Retake, pack_event
from gateway.queue.pending import find_pending, pending_note


@asynccontextmanager
async def queue(url: str) -> AsyncIterator[tuple[Enqueuer, ArqRedis]]:
    enqueuer, arq = Enqueuer(url), open_arq(url)
    await enqueuer.start()
    try:
        yield enqueuer, arq
    finally:
        await enqueuer.close()
        await arq.aclose(close_connection_pool=True)


@asynccontextmanager
async def lane_worker(desk: Desk, arq: ArqRedis, timeout_seconds: float = 20) -> AsyncIterator[None]:
    worker = LaneWorker(arq, Lane.LIVE, desk.jobs.take, timeout_seconds=timeout_seconds, poll_seconds=0.01)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def put(enqueuer: Enqueuer, event: Event) -> None:
    note = pending_note(event.status, event.source)
    await enqueuer.put(Packed(event.id, note, pack_event(event), event.source, event.weight))


def visits(desk: Desk, email: str) -> int:
    return len((desk.contact(email) or {"activities": []})["activities"])


async def test_what_is_enqueued_is_applied_and_no_longer_pending(desk: Desk, valkey_url: str) -> None:
    events = [visit(f"n{number}@example.com") for number in range(50)]
    async with queue(f"{valkey_url}?db=2") as (enqueuer, arq):
        await asyncio.gather(*(put(enqueuer, event) for event in events))
        async with lane_worker(desk, arq):
            await until(lambda: all(desk.status(event) == "applied" for event in events))
    assert await desk.redis.hlen(PENDING) == 0
    assert await desk.redis.zcard(queue_name(Lane.LIVE)) == 0


async def test_a_job_that_waits_too_long_is_put_back_and_not_applied_twice(
    desk: Desk, lines: list[Any], valkey_url: str
) -> None:
    event = visit("late@example.com")
    async with queue(f"{valkey_url}?db=2") as (enqueuer, arq):
        await put(enqueuer, event)
        async with lane_worker(desk, arq, timeout_seconds=0.4):
            with desk.locked():
                await until(lambda: any(line["event"] == "job_put_back" for line in lines))
                assert await find_pending(desk.redis, event.id)
            await until(lambda: desk.status(event) == "applied")
            while await arq.zcard(queue_name(Lane.LIVE)):
                await asyncio.sleep(0.01)
    assert visits(desk, "late@example.com") == 1
    assert (desk.event(event.id) or {})["attempt_count"] == 1
    assert await find_pending(desk.redis, event.id) is None


async def test_a_crash_between_commit_and_clearing_leaves_an_id_that_the_next_take_clears(desk: Desk) -> None:
    event = visit("crash@example.com")
    await desk.redis.hset(PENDING, event.id, pending_note("queued", "shop"))
    await desk.writer.apply([event], Lane.LIVE)  # committed; here the worker dies
    assert await find_pending(desk.redis, event.id)
    await desk.jobs.take(Events((event,)), Lane.LIVE)
    assert await find_pending(desk.redis, event.id) is None
    assert visits(desk, "crash@example.com") == 1


async def test_a_parcel_taken_twice_at_the_same_time_is_applied_once(desk: Desk) -> None:
    events = tuple(visit("twice@example.com") for _ in range(5))
    await asyncio.gather(*(desk.jobs.take(Events(events), Lane.LIVE) for _ in range(4)))
    assert visits(desk, "twice@example.com") == 5


async def test_one_id_that_is_twice_in_a_parcel_is_applied_once(desk: Desk) -> None:
    event = visit("same@example.com")
    await desk.jobs.take(Events((event, event)), Lane.LIVE)
    assert visits(desk, "same@example.com") == 1


async def test_ids_to_retake_that_nobody_knows_harm_nothing(desk: Desk) -> None:
    await desk.jobs.take(Retake(("evt_nobody",)), Lane.BULK)
    await desk.jobs.take(Retake(()), Lane.BULK)
    await desk.jobs.take(Events(()), Lane.LIVE)


async def test_retaking_what_is_applied_changes_nothing(desk: Desk) -> None:
    event = visit("again@example.com")
    await desk.jobs.take(Events((event,)), Lane.LIVE)
    await desk.jobs.take(Retake((event.id,)), Lane.BULK)
    assert visits(desk, "again@example.com") == 1
    assert (desk.event(event.id) or {})["attempt_count"] == 1
