"""Cancelling: whoever talks to Redis ends when told to, at whatever moment that is; else no program would stop."""

import asyncio

from arq.connections import ArqRedis

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
        await asyncio.wait([talking], timeout=1)
        assert talking.done(), "it heard nothing of it"
