"""Orphans: an id without a job is found, and never one whose job may still be there."""

import asyncio

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from own_valkey import list_jobs, make_event, put

from gateway.event import Lane
from gateway.queue import orphans
from gateway.queue.enqueue import Enqueuer
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.orphans import Orphans
from gateway.queue.pending import pending_note


@pytest.fixture(autouse=True)
def _clocks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "CLOCKS_APART_MS", 0)


async def lose_jobs(redis: ArqRedis) -> None:
    """Delete every job and leave the notes: as a restored backup may."""
    for job_id in await list_jobs(redis):
        await redis.delete(job_key_prefix + job_id)
    await redis.delete(queue_name(Lane.LIVE))


async def test_an_id_that_outlives_every_job_is_found_at_the_second_look(redis: ArqRedis) -> None:
    await redis.hset(PENDING, "evt_lost", pending_note("queued", "shop"))
    watch = Orphans(redis)
    assert await watch.look() == {}
    assert await watch.look() == {"evt_lost": {"status": "queued", "source": "shop"}}


async def test_an_id_that_is_committed_between_the_looks_is_none(redis: ArqRedis) -> None:
    await redis.hset(PENDING, "evt_done", pending_note("queued", "shop"))
    watch = Orphans(redis)
    await watch.look()
    await redis.hdel(PENDING, "evt_done")
    assert await watch.look() == {}


async def test_an_id_is_innocent_as_long_as_a_job_from_its_time_waits(redis: ArqRedis, enqueuer: Enqueuer) -> None:
    event_id = await put(enqueuer, make_event())
    watch = Orphans(redis)
    for _ in range(3):
        assert await watch.look() == {}
    (job_id,) = await list_jobs(redis)
    await redis.zincrby(queue_name(Lane.LIVE), 3_600_000, job_id)  # put back for an hour: it is still the old job
    assert await watch.look() == {}
    await lose_jobs(redis)
    assert list(await watch.look()) == [event_id]


async def test_later_jobs_do_not_hide_what_was_lost_before_them(redis: ArqRedis, enqueuer: Enqueuer) -> None:
    lost = await put(enqueuer, make_event())
    await lose_jobs(redis)
    watch = Orphans(redis)
    await watch.look()
    await asyncio.sleep(0.005)  # a job of the same millisecond could be older
    await put(enqueuer, make_event())
    assert list(await watch.look()) == [lost]


async def test_a_job_of_somebody_else_may_hold_anything(redis: ArqRedis) -> None:
    await redis.hset(PENDING, "evt_1", pending_note("queued", "shop"))
    await redis.zadd(queue_name(Lane.BULK), {"strange": 1})
    watch = Orphans(redis)
    assert [await watch.look() for _ in range(3)] == [{}, {}, {}]
