"""Room: is there room for one more? Asked before a body is read.

Counts requests at work, and looks every second at what Redis holds: past a limit the sender hears 503
with Retry-After, and nothing is dropped in silence.
"""

import asyncio
import contextlib
from collections.abc import Iterator

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.config import Settings
from gateway.errors import QueueUnavailable, Unavailable
from gateway.logs import log
from gateway.queue.inspection import read_room

LOOK_SECONDS = 1.0


class Room:
    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis, self._settings = redis, settings
        self._in_flight = 0
        self._full: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        return self._full is None

    async def start(self) -> None:
        await self.look()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place while a request is at work. Raises Unavailable where there is none."""
        if self._full is not None:
            raise QueueUnavailable(self._full, 10)
        if self._in_flight >= self._settings.requests_in_flight_max:
            raise Unavailable(f"{self._in_flight} requests are at work already", 1)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    async def look(self) -> None:
        """See how full the queue is; say it once when it fills and once when there is room again."""
        was = self._full
        try:
            room = await read_room(self._redis)
        except (RedisError, OSError):
            self._full = "the queue is not reachable; send it again"
        else:
            self._full = None
            if room.events >= self._settings.queue_events_max:
                self._full = f"the queue is full: {room.events} events wait"
            elif room.memory_max and room.memory_used > room.memory_max * self._settings.queue_memory_share:
                self._full = "the queue is full: its memory is used up"
        if was != self._full:
            log.warning("queue_full", why=self._full) if self._full else log.info("queue_has_room")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()
