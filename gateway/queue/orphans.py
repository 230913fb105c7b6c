"""Orphans: ids that were answered and whose job is nowhere any more.

An id and its job are written together, and the job goes after the id. Where that does not hold (a Redis that was
put back from a backup, or evicted in spite of all warnings) nobody would ever hear of it. Takes a look now and
then; gives the ids that have outlived every job there was when they were seen. Never guesses: as long as one of
those jobs is there, it may be theirs.
"""

import time
from collections.abc import Awaitable
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.event import Lane
from gateway.ids import job_made_at_ms
from gateway.queue.keys import PENDING, queue_name

# In a long queue most ids are innocent; the rest is looked at when it is shorter.
SUSPECTS_MAX = 10_000
# A gateway on another machine may name its jobs by a clock that is ahead.
CLOCKS_APART_MS = 60_000


class Orphans:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._suspects: list[str] = []
        self._seen_at_ms = 0

    async def look(self) -> dict[str, dict[str, Any]]:
        """Give the ids that are certain to have no job, each with its note; usually none."""
        if self._suspects and await self._oldest_job_ms() <= self._seen_at_ms + CLOCKS_APART_MS:
            return {}
        notes = await self._read_notes(self._suspects)
        self._suspects = await self._list_pending()
        self._seen_at_ms = time.time_ns() // 1_000_000
        return notes

    async def _oldest_job_ms(self) -> float:
        """Give when the oldest job was made: its place in the queue tells only when it was tried last."""
        oldest = float("inf")
        for lane in Lane:
            async for job_id, _ in self._redis.zscan_iter(queue_name(lane), count=1000):
                oldest = min(oldest, job_made_at_ms(job_id.decode()))
        return oldest

    async def _list_pending(self) -> list[str]:
        found: list[str] = []
        async for event_id, _ in self._redis.hscan_iter(PENDING, count=1000):
            found.append(event_id.decode())
            if len(found) >= SUSPECTS_MAX:
                break
        return found

    async def _read_notes(self, event_ids: list[str]) -> dict[str, dict[str, Any]]:
        if not event_ids:
            return {}
        notes = await cast("Awaitable[list[bytes | None]]", self._redis.hmget(PENDING, event_ids))
        return {event_id: orjson.loads(note) for event_id, note in zip(event_ids, notes, strict=True) if note}
