"""Kept: rejected requests and samples on their way to Redis, beside the path.

The sender's answer does not wait for this, a flood does not grow it, and a Redis that is away does not
hurt it: what finds no room is dropped and counted.
"""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.ingest.receive import Received
from gateway.logs import log
from gateway.queue.kept import Kind, keep

WAITING_MAX = 200
PER_SECOND_MAX = 100


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    source: str
    request_id: str
    reason: str
    received: Received


class Kept:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue(WAITING_MAX)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    async def start(self) -> None:
        self._task = asyncio.create_task(self._write())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def put(self, kind: Kind, source: str, request_id: str, reason: str, received: Received) -> None:
        try:
            self._waiting.put_nowait(_Entry(kind, source, request_id, reason, received))
        except asyncio.QueueFull:
            self.dropped += 1

    async def _write(self) -> None:
        while True:
            entry = await self._waiting.get()
            try:
                await keep(
                    self._redis,
                    entry.kind,
                    entry.source,
                    request_id=entry.request_id,
                    reason=entry.reason,
                    head=entry.received.head,
                    body=entry.received.body,
                )
            except (RedisError, OSError) as error:
                self.dropped += 1
                log.warning("kept_not_written", source=entry.source, why=type(error).__name__)
            await asyncio.sleep(1 / PER_SECOND_MAX)
