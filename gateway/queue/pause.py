"""Pause: people may hold all workers. Jobs stay in the queue, senders notice nothing, nothing can be lost."""

from collections.abc import Awaitable
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.queue.keys import WORKERS_PAUSED


async def pause_workers(redis: Redis, document: dict[str, Any]) -> None:
    """Let no worker fetch a job from now on; `document` says who wants it and since when."""
    await redis.set(WORKERS_PAUSED, orjson.dumps(document))


async def resume_workers(redis: Redis) -> bool:
    """Let workers fetch again; False where they were not held."""
    return bool(await cast("Awaitable[int]", redis.delete(WORKERS_PAUSED)))


async def find_pause(redis: Redis) -> dict[str, Any] | None:
    """Say who holds the workers and since when, None while they work."""
    found = await redis.get(WORKERS_PAUSED)
    return orjson.loads(found) if found else None
