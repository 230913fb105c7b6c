"""Inspection: what waits, how long, and is there room for more."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from gateway.event import Lane
from gateway.queue.jobs import made_at
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.processes import list_processes

# Of each source the oldest job stands first, and what was put back stands last: a long lane is not read whole.
ENDS_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Room:
    """How full the queue is: events not yet committed, and bytes of Redis' memory."""

    events: int
    memory_used: int
    memory_max: int  # 0: no limit


async def read_room(redis: Redis) -> Room:
    events: int = await cast("Awaitable[int]", redis.hlen(PENDING))
    memory = await redis.info("memory")
    return Room(events, int(memory["used_memory"]), int(memory.get("maxmemory", 0)))


async def _oldest_made_at(redis: Redis, lane: Lane) -> float:
    """Give when the oldest job was made, in unix seconds; now where there is none. Its place says when it is due."""
    first = await redis.zrange(queue_name(lane), 0, ENDS_LOOKED_AT - 1, withscores=True)
    last = await redis.zrange(queue_name(lane), -ENDS_LOOKED_AT, -1, withscores=True)
    return min((made_at(job_id.decode(), place) for job_id, place in first + last), default=time.time())


async def read_queue(redis: Redis) -> dict[str, Any]:
    """Describe both lanes (jobs and the age of the oldest, in seconds), what is not committed, and the workers."""
    lanes = {}
    for lane in Lane:
        age = max(0.0, time.time() - await _oldest_made_at(redis, lane))
        lanes[lane.value] = {"jobs": int(await redis.zcard(queue_name(lane))), "oldest_seconds": round(age, 1)}
    room = await read_room(redis)
    return {
        "lanes": lanes,
        "pending_events": room.events,
        "workers": [f"{one['host']}:{one['pid']}" for one in await list_processes(redis) if one["role"] == "worker"],
        "memory_used": room.memory_used,
        "memory_max": room.memory_max,
    }
