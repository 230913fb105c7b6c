"""Kept: rejected requests and samples on their way to Redis, beside the path.

The sender's answer does not wait for this, a flood does not grow it, and a Redis that is away does not
hurt it: what finds no room is dropped and counted.
"""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.errors import QueueUnavailable
from gateway.ingest.receive import Received
from gateway.ingest.room import Room
from gateway.logs import log
from gateway.metrics import Metrics
from gateway.queue.kept import Kind, keep, take_capture_place
from gateway.registry import Source

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
    def __init__(self, redis: Redis, metrics: Metrics, room: Room) -> None:
        self._redis, self._metrics, self._room = redis, metrics, room
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue(WAITING_MAX)
        self._task: asyncio.Task[None] | None = None
        self._over: set[tuple[str, int]] = set()  # captures whose places are taken

    async def start(self) -> None:
        self._task = asyncio.create_task(self._write())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def put(self, kind: Kind, source: str, request_id: str, reason: str, received: Received) -> None:
        if self._room.is_tight or self._waiting.full():
            self._metrics.count("dropped", kind)
        else:
            self._waiting.put_nowait(_Entry(kind, source, request_id, reason, received))

    async def capture(self, source: Source, request_id: str, received: Received) -> bool:
        """Keep a request as a sample of a source that captures; False where the capture is over.

        The sender waits for this one: it may be genuine, and nothing else is done with it. Raises QueueUnavailable.
        """
        until, places = source.capture_until, source.capture_left
        if until is None or until < clock.now() or (source.name, until) in self._over:
            return False
        try:
            if places is None or await take_capture_place(self._redis, source.name, until, places):
                head, body = received.head, received.body
                kept_as = {"request_id": request_id, "reason": "captured"}
                await keep(self._redis, "sample", source.name, **kept_as, head=head, body=body)
                return True
        except (RedisError, OSError) as error:
            raise QueueUnavailable("the queue is not reachable; send it again") from error
        self._over.add((source.name, until))
        return False

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
                self._metrics.count("dropped", entry.kind)
                log.warning("kept_not_written", source=entry.source, why=type(error).__name__)
            await asyncio.sleep(1 / PER_SECOND_MAX)
