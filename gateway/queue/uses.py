"""Uses: when each API key was used last, to the minute.

Takes the id of a key as it is used, and tells it to Redis beside the work: once a minute and key at most. Never
waits, never writes to the database. A use that Redis does not hear of is told with one of the next minute.
"""

import asyncio
from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.logs import log
from gateway.queue.keys import KEY_USES

EVERY_MICROSECONDS = 60 * 1_000_000


class KeyUses:
    """What one process has told; as many keys as are in use."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._told: dict[str, int] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def note(self, key_id: str) -> None:
        at = clock.now()
        if at - self._told.get(key_id, 0) < EVERY_MICROSECONDS:
            return
        self._told[key_id] = at
        task = asyncio.create_task(self._tell(key_id, at))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, key_id: str, at: int) -> None:
        try:
            await cast("Awaitable[int]", self._redis.hset(KEY_USES, key_id, str(at)))
        except (RedisError, OSError) as error:
            log.debug("key_use_not_told", key_id=key_id, why=type(error).__name__)


async def read_key_uses(redis: Redis) -> dict[str, int]:
    """Give when each key was used last, by its id."""
    found = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(KEY_USES))
    return {key_id.decode(): int(at) for key_id, at in found.items()}
