"""Leases: a job at work belongs to its worker as long as that lives, and to the next one soon after."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from arq.connections import ArqRedis
from own_valkey import make_event
from running import PATIENCE_SECONDS

from gateway.event import Lane
from gateway.queue import consume
from gateway.queue.bulk import enqueue_bulk
from gateway.queue.consume import LaneWorker
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Parcel
from gateway.queue.retake import enqueue_retake

# Its worker renews it four times in that time: a machine that keeps it waiting for longer ends it too early.
LEASE_SECONDS = 2.0


@dataclass
class Hand:
    """A worker that notes what it took, and holds it until it is told to let go."""

    worker: LaneWorker
    taken: list[Parcel] = field(default_factory=list)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def hand(redis: ArqRedis, *, timeout: float = 20) -> AsyncIterator[Hand]:
    async def take(parcel: Parcel, lane: Lane) -> None:
        holder.taken.append(parcel)
        await holder.may_end.wait()

    holder = Hand(LaneWorker(redis, Lane.BULK, take, timeout_seconds=timeout, poll_seconds=0.01))
    task = asyncio.create_task(holder.worker.run())
    try:
        yield holder
    finally:
        holder.may_end.set()
        await holder.worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (await found if isinstance(found := is_so(), Awaitable) else found):
        assert time.monotonic() < give_up_at, "it did not come to pass"
        await asyncio.sleep(0.01)


async def is_empty(redis: ArqRedis) -> bool:
    return not await redis.zcard(queue_name(Lane.BULK))


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "LEASE_SECONDS", LEASE_SECONDS)
    monkeypatch.setattr(consume, "STOP_SECONDS", 0.05)


async def test_a_job_that_lasts_longer_than_a_lease_stays_with_its_worker(redis: ArqRedis) -> None:
    await enqueue_retake(redis, ["evt_1"])
    async with hand(redis) as first:
        await until(lambda: first.taken)
        async with hand(redis) as second:
            await asyncio.sleep(2 * LEASE_SECONDS)
            assert second.taken == []
            first.may_end.set()
            await until(lambda: is_empty(redis))
            assert second.taken == []


async def test_what_a_dead_worker_held_goes_to_the_next_when_its_lease_ends(redis: ArqRedis) -> None:
    await enqueue_retake(redis, ["evt_1"])

    async def hang(parcel: Parcel, lane: Lane) -> None:
        begun.set()
        await asyncio.Event().wait()

    begun = asyncio.Event()
    dead = LaneWorker(redis, Lane.BULK, hang, timeout_seconds=3600, poll_seconds=0.01)
    running = asyncio.create_task(dead.run())
    await begun.wait()
    running.cancel()  # from now on nobody renews its leases, and its job is never put back: as after kill -9
    await asyncio.gather(running, return_exceptions=True)
    async with hand(redis) as heir:
        await until(lambda: heir.taken)
        heir.may_end.set()
        await until(lambda: is_empty(redis))
    await dead.stop()


async def test_a_worker_that_was_frozen_past_every_timeout_loses_no_job(redis: ArqRedis) -> None:
    tries = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        tries.append(parcel)
        if len(tries) == 1:
            time.sleep(0.5)  # as SIGSTOP does: every timer is due when it goes on
            await asyncio.Event().wait()

    await enqueue_retake(redis, ["evt_1"])
    worker = LaneWorker(redis, Lane.BULK, take, timeout_seconds=0.2, poll_seconds=0.01)
    task = asyncio.create_task(worker.run())
    try:
        await until(lambda: len(tries) == 2)
        await until(lambda: is_empty(redis))
    finally:
        await worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_fetches_no_more_than_it_may_hold(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "BYTES_AT_HAND_MAX", 2000)
    monkeypatch.setitem(consume.JOBS_MAX, Lane.BULK, 50)
    ids = [f"evt_{number:040}" for number in range(20)]  # about a thousand bytes a job
    for _ in range(30):
        await enqueue_retake(redis, ids)
    await must_fetch_few_of_thirty(redis)


async def test_a_worker_fetches_no_more_than_is_soon_written(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(consume.JOBS_MAX, Lane.BULK, 50)
    for _ in range(30):
        await enqueue_bulk(redis, [make_event(actions=b"{" * (consume.WEIGHT_AT_HAND_MAX // 2))])
    await must_fetch_few_of_thirty(redis)


async def must_fetch_few_of_thirty(redis: ArqRedis) -> None:
    async with hand(redis) as full:
        await until(lambda: len(full.taken) >= 2)
        await asyncio.sleep(0.2)
        assert len(full.taken) <= 8, "what was on its way when it had enough, and no more"
        full.may_end.set()
        await until(lambda: is_empty(redis))
        assert len(full.taken) == 30
