"""Processes: who runs, and what each tells of itself. Gateways and workers say it every few seconds.

Takes a document, gives those of all that are alive: one that has not told for a while is not. Never decides
about work: jobs are held by leases of their own.
"""

import time
from collections.abc import Awaitable
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.queue.keys import PROCESSES

TELL_SECONDS = 2.0
ALIVE_SECONDS = 8.0

Document = dict[str, Any]


async def tell_process(redis: Redis, process_id: str, document: Document) -> None:
    """Say what this process is; `at` is added."""
    told = orjson.dumps({**document, "at": round(time.time(), 3)}).decode()
    await cast("Awaitable[int]", redis.hset(PROCESSES, process_id, told))


async def forget_process(redis: Redis, *process_ids: str) -> None:
    """Take away who has ended."""
    if process_ids:
        await cast("Awaitable[int]", redis.hdel(PROCESSES, *process_ids))


async def list_processes(redis: Redis) -> list[Document]:
    """Give who is alive, by role and age. What the dead have left is cleared away."""
    found = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(PROCESSES))
    told = {process_id.decode(): orjson.loads(document) for process_id, document in found.items()}
    now = time.time()
    await forget_process(redis, *(name for name, one in told.items() if now - one["at"] > 10 * ALIVE_SECONDS))
    alive = [{"id": name, **one} for name, one in told.items() if now - one["at"] <= ALIVE_SECONDS]
    return sorted(alive, key=lambda one: (one["role"], one["started_at"], one["id"]))
