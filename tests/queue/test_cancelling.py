"""Cancelling: whoever talks to Redis ends when told to, at whatever moment that is; else no program would stop."""

import asyncio

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from running import PATIENCE_SECONDS

from gateway.event import Lane
from gateway.queue.consume import LaneWorker
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Parcel
from gateway.queue.retake import enqueue_retake

TIMES = 300


async def test_a_task_that_talks_to_redis_ends_whenever_it_is_cancelled(redis: ArqRedis) -> None:
    async def talk() -> None:
        while True:
            await redis.ping()

    for number in range(TIMES):
        talking = asyncio.create_task(talk())
        for _ in range(number % 30):  # at another step of the way each time
            await asyncio.sleep(0)
        talking.cancel()
        await asyncio.wait([talking], timeout=PATIENCE_SECONDS)
        assert talking.done(), "it heard nothing of it"


async def test_a_lane_gives_its_connections_back_at_whatever_moment_it_is_stopped(redis: ArqRedis) -> None:
    async def take(parcel: Parcel, lane: Lane) -> None:
        raise AssertionError("another worker holds it")

    await enqueue_retake(redis, ["evt_1"])
    (job_id,) = await redis.zrange(queue_name(Lane.BULK), 0, -1)
    await redis.set(in_progress_key_prefix.encode() + job_id, b"1")
    for number in range(TIMES // 3):
        worker = LaneWorker(redis, Lane.BULK, take, timeout_seconds=20, poll_seconds=0.0001)
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(0.005 + number / 20_000)
        await worker.stop()
        await asyncio.gather(running, return_exceptions=True)
    assert not redis.connection_pool._in_use_connections
