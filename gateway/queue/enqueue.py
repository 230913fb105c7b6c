"""Enqueue: many events, one job. The sender is answered only when Redis has its event on disk.

Takes packed events one by one and gives each a future that ends when the flush it went with is
known to be durable. Group commit: a few flights, each with its own connection, take whatever has
gathered while the others were in the air; a lone event leaves at once, under load a flush grows by
itself. Never answers for a flush whose outcome it does not know.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
from arq.constants import job_key_prefix
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.errors import QueueUnavailable
from gateway.event import Lane
from gateway.ids import mint_job_id
from gateway.logs import log
from gateway.queue.connect import connection_pool
from gateway.queue.keys import FUNCTION, PENDING, queue_name
from gateway.queue.parcel import join_events

FLUSH_EVENTS_MAX = 256
FLUSH_BYTES_MAX = 4 * 1024 * 1024
# With appendfsync always one flight waits for the disk most of the time; more of them share an fsync.
FLIGHTS = 4
RESEND_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(slots=True, eq=False)
class _Waiting:
    event_id: str
    note: bytes  # what the status of this id is until the worker has committed it
    packed: bytes
    done: asyncio.Future[None]


def job_commands(lane: Lane, job_id: str, parcel: bytes, notes: Sequence[tuple[str, bytes]]) -> list[tuple[Any, ...]]:
    """Give the commands that enqueue one job, all or nothing, in arq's own wire form.

    Not by `enqueue_job`: it needs two round trips, refuses an id that it has seen (a flush is sent
    again under its own id), and writes the payload with a time to live, after which arq drops the
    job as "expired".
    """
    now_ms = time.time_ns() // 1_000_000
    payload = msgpack.packb({"t": None, "f": FUNCTION, "a": (parcel,), "k": {}, "et": now_ms})
    commands: list[tuple[Any, ...]] = [
        ("MULTI",),
        ("SET", job_key_prefix + job_id, payload),
        ("ZADD", queue_name(lane), now_ms, job_id),
    ]
    if notes:
        commands.append(("HSET", PENDING, *(part for note in notes for part in note)))
    return [*commands, ("EXEC",)]


class Enqueuer:
    """The gateway's side of the queue: `put` an event, wait until it is durable."""

    def __init__(self, redis_url: str, *, wait_seconds: float = 5, flights: int = FLIGHTS) -> None:
        self._pool: ConnectionPool = connection_pool(redis_url, connections_max=flights)
        self._wait_seconds = wait_seconds
        self._flights = flights
        self._waiting: deque[_Waiting] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._fly()) for _ in range(self._flights)]

    async def close(self) -> None:
        """Flush what waits, then stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_seconds):
                while self._waiting or len(self._idle) < len(self._tasks):  # noqa: ASYNC110 - once, at the end
                    await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.disconnect()

    @property
    def backlog(self) -> int:
        return len(self._waiting)

    async def put(self, event_id: str, note: bytes, packed: bytes) -> None:
        """Return when the event is on disk. Raises QueueUnavailable: Redis is away, full or too slow."""
        entry = _Waiting(event_id, note, packed, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._wake()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await entry.done
        except TimeoutError:
            with contextlib.suppress(ValueError):
                self._waiting.remove(entry)
            raise QueueUnavailable("the queue did not confirm in time; send it again") from None

    def _wake(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    async def _fly(self) -> None:
        connection: AbstractConnection | None = None
        while True:
            if not self._waiting:
                idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._idle.append(idle)
                await idle
                continue
            batch = self._take()
            try:
                connection = await self._send_until_known(connection, batch)
            except QueueUnavailable as error:
                _settle(batch, error)
            else:
                _settle(batch, None)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < FLUSH_EVENTS_MAX:
            size += len(self._waiting[0].packed)
            if batch and size > FLUSH_BYTES_MAX:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _send_until_known(
        self, connection: AbstractConnection | None, batch: list[_Waiting]
    ) -> AbstractConnection | None:
        """Send one flush until it is known to be written or not: under one id, so that twice is once."""
        parcel = join_events([entry.packed for entry in batch])
        notes = [(entry.event_id, entry.note) for entry in batch]
        job_id, was_sent, tries = mint_job_id(), False, 0
        while True:
            try:
                connection = connection or await self._connect()
            except (RedisError, OSError) as error:
                if not was_sent:
                    raise QueueUnavailable("the queue is not reachable; send it again") from error
            else:
                was_sent = True
                if await self._send(connection, job_commands(Lane.LIVE, job_id, parcel, notes)):
                    return connection
                await self._discard(connection)
                connection = None
            log.warning("flush_unknown", job_id=job_id, events=len(batch), tries=tries + 1)
            await asyncio.sleep(RESEND_SECONDS[min(tries, len(RESEND_SECONDS) - 1)])
            tries += 1

    async def _connect(self) -> AbstractConnection:
        connection: AbstractConnection = await self._pool.get_connection()
        return connection

    async def _discard(self, connection: AbstractConnection) -> None:
        with contextlib.suppress(RedisError, OSError):
            await connection.disconnect()
        await self._pool.release(connection)

    async def _send(self, connection: AbstractConnection, commands: list[tuple[Any, ...]]) -> bool:
        """Write one transaction and read its answers; False where nobody knows whether it was done.

        Raises QueueUnavailable where Redis says that it was not.
        """
        try:
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            refusal: ResponseError | None = None
            for _ in commands:
                try:
                    await connection.read_response()
                except (ResponseError, BusyLoadingError, ReadOnlyError) as error:
                    refusal = refusal or (error if isinstance(error, ResponseError) else ResponseError(str(error)))
        except (RedisConnectionError, RedisTimeoutError, OSError):
            return False
        if refusal is not None:
            # EXEC aborts as a whole where a command was refused (maxmemory, loading, a replica).
            raise QueueUnavailable("the queue is full; send it again") from refusal
        return True


def _settle(batch: list[_Waiting], error: QueueUnavailable | None) -> None:
    for entry in batch:
        if entry.done.done():
            continue
        if error is None:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(error)
