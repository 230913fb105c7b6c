"""Strays: a job that lost its place in its lane gets it back; what is young, done or not ours is left alone."""

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from own_valkey import list_jobs, make_event, put

from gateway.event import Lane
from gateway.queue import strays
from gateway.queue.bulk import enqueue_bulk
from gateway.queue.enqueue import Enqueuer
from gateway.queue.keys import queue_name
from gateway.queue.retake import enqueue_retake
from gateway.queue.strays import put_back_strays


@pytest.fixture(autouse=True)
def _any_job_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "CLOCKS_APART_MS", -1000)


async def test_every_stray_stands_in_its_lane_again_before_what_waits(redis: ArqRedis, enqueuer: Enqueuer) -> None:
    lost = await put(enqueuer, make_event())
    await enqueue_retake(redis, ["evt_1"])
    live, bulk = [await redis.zrange(queue_name(lane), 0, -1) for lane in Lane]
    for lane in Lane:
        await redis.delete(queue_name(lane))
    later = await put(enqueuer, make_event())
    assert sorted(await put_back_strays(redis)) == sorted(job_id.decode() for job_id in live + bulk)
    assert list((await list_jobs(redis)).values()) == [[lost], [later]]
    assert await redis.zrange(queue_name(Lane.BULK), 0, -1) == bulk
    assert await put_back_strays(redis) == []


async def test_many_strays_are_found_page_by_page(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "KEYS_AT_ONCE", 3)
    for number in range(20):
        await enqueue_retake(redis, [f"evt_{number}"])
    job_ids = await redis.zrange(queue_name(Lane.BULK), 0, -1)
    await redis.zrem(queue_name(Lane.BULK), *job_ids[::2])
    assert len(await put_back_strays(redis)) == 10
    assert set(await redis.zrange(queue_name(Lane.BULK), 0, -1)) == set(job_ids)


async def test_a_young_job_may_still_be_on_its_way(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "CLOCKS_APART_MS", 60_000)
    await enqueue_bulk(redis, [make_event()])
    await redis.delete(queue_name(Lane.BULK))
    assert await put_back_strays(redis) == []


@pytest.mark.parametrize("name", ["of-another-program", "job_strange", "job_"])
async def test_a_job_of_somebody_else_is_not_taken(redis: ArqRedis, name: str) -> None:
    await redis.set(job_key_prefix + name, b"theirs")
    assert await put_back_strays(redis) == []
    assert [await redis.zcard(queue_name(lane)) for lane in Lane] == [0, 0]


async def test_a_stray_that_cannot_be_read_waits_in_the_lane_that_delays_nobody(redis: ArqRedis) -> None:
    await enqueue_retake(redis, ["evt_1"])
    (job_id,) = await redis.zrange(queue_name(Lane.BULK), 0, -1)
    await redis.delete(queue_name(Lane.BULK))
    await redis.set(job_key_prefix.encode() + job_id, b"\xc1")
    assert await put_back_strays(redis) == [job_id.decode()]
    assert await redis.zrange(queue_name(Lane.BULK), 0, -1) == [job_id]
