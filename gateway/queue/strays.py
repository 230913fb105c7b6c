"""Strays: jobs whose payload is there and that no lane knows any more: arq would never come to them.

A payload and its place are written together, and go together. Where that does not hold (a Redis that was put
together by hand, an entry that somebody removed) the job is put back, ahead of what waits: it is the oldest.
Takes a walk through the keys in small steps. Never touches a job that is young, or not one of ours.
"""

import time
from collections.abc import Sequence

from arq.constants import job_key_prefix
from redis.asyncio import Redis
from redis.exceptions import WatchError

from gateway.event import Lane
from gateway.ids import job_made_at_ms
from gateway.queue.jobs import read_parcel
from gateway.queue.keys import queue_name
from gateway.queue.orphans import CLOCKS_APART_MS
from gateway.queue.parcel import Events

KEYS_AT_ONCE = 500


async def put_back_strays(redis: Redis) -> list[str]:
    """Put jobs back that have lost their place; gives their ids, usually none."""
    cursor, put_back = 0, list[str]()
    while True:
        cursor, keys = await redis.scan(cursor, match=f"{job_key_prefix}job_*", count=KEYS_AT_ONCE)
        job_ids = [key.decode().removeprefix(job_key_prefix) for key in keys]
        for job_id in await _without_a_place(redis, [job_id for job_id in job_ids if _is_old(job_id)]):
            if await _put_back(redis, job_id):
                put_back.append(job_id)
        if cursor == 0:
            return put_back


def _is_old(job_id: str) -> bool:
    return 0 < job_made_at_ms(job_id) < time.time_ns() // 1_000_000 - CLOCKS_APART_MS


async def _without_a_place(redis: Redis, job_ids: Sequence[str]) -> list[str]:
    async with redis.pipeline(transaction=False) as pipeline:
        for job_id in job_ids:
            for lane in Lane:
                pipeline.zscore(queue_name(lane), job_id)
        scores, lanes = await pipeline.execute(), len(Lane)
    return [job_id for n, job_id in enumerate(job_ids) if {*scores[n * lanes : (n + 1) * lanes]} == {None}]


async def _put_back(redis: Redis, job_id: str) -> bool:
    """Give a job its place, unless it was done meanwhile: then its payload is gone, or going."""
    key = job_key_prefix + job_id
    async with redis.pipeline(transaction=True) as pipeline:
        await pipeline.watch(key)
        if (envelope := await pipeline.get(key)) is None or await _without_a_place(redis, [job_id]) == []:
            return False
        # Only what came in by itself is live; an import comes as events too, and is taken a little too early.
        lane = Lane.LIVE if isinstance(read_parcel(envelope), Events) else Lane.BULK
        first = await pipeline.zrange(queue_name(lane), 0, 0, withscores=True)
        place = min(score for _, score in [*first, (job_id, job_made_at_ms(job_id))])
        pipeline.multi()  # type: ignore[no-untyped-call] # redis-py leaves it untyped
        pipeline.zadd(queue_name(lane), {job_id: place}, nx=True)
        try:
            await pipeline.execute()
        except WatchError:
            return False
    return True
