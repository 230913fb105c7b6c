"""Enqueue: many events, one job. The sender is answered only when Redis has its event on disk.

Takes packed events and gives each caller an answer when the flush that its events went with is known
to be durable. Group commit: a few flights, each with its own connection, take whatever has gathered
while the others were in the air; a lone event leaves at once, under load a flush grows by itself.
Never answers for a flush whose outcome it does not know.
"""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgpack
from arq.constants import job_key_prefix
from redis.asyncio.connection import ConnectionPool

from gateway.errors import QueueUnavailable
from gateway.event import Lane, portions
from gateway.ids import mint_job_id
from gateway.logs import log
from gateway.queue.connect import connection_pool
from gateway.queue.flight import Command, Flight
from gateway.queue.keys import FUNCTION, PENDING, PENDING_OF, queue_name
from gateway.queue.parcel import join_events
from gateway.queue.pending import NOTHING, Waiting, by_source
from gateway.queue.places import Places

FLUSH_EVENTS_MAX = 256
FLUSH_BYTES_MAX = 4 * 1024 * 1024
# With appendfsync always one flight waits for the disk most of the time; more of them share an fsync.
FLIGHTS = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """One event, ready to go: its bytes, and the note that answers for its id until it is committed."""

    event_id: str
    note: bytes
    data: bytes
    source: str
    weight: int


@dataclass(slots=True, eq=False)
class _Waiting:
    """What one caller waits for: its events leave together, in one transaction."""

    events: Sequence[Packed]
    done: asyncio.Future[None]

    @property
    def size(self) -> int:
        return sum(len(event.data) for event in self.events)


def transaction(
    lane: Lane,
    parcels: Sequence[bytes],
    notes: Sequence[tuple[str, bytes]],
    waiting: Waiting = NOTHING,
    places: Sequence[int] = (),
) -> list[Command]:
    """Give the commands that enqueue jobs, all or nothing, in arq's own wire form.

    `notes` answer for each id, `waiting` are the ids that count in the queue of each source, `places` say where
    in the lane each job stands; without them: behind all that is there.

    Not by `enqueue_job`: it needs two round trips, refuses an id that it has seen (a flush is sent
    again under its own id), and writes the payload with a time to live, after which arq drops the
    job as "expired".
    """
    now_ms = time.time_ns() // 1_000_000
    commands: list[Command] = [("MULTI",)]
    for parcel, place in zip(parcels, places or [now_ms] * len(parcels), strict=True):
        job_id = mint_job_id()
        payload = msgpack.packb({"t": None, "f": FUNCTION, "a": (parcel,), "k": {}, "et": now_ms})
        commands.append(("SET", job_key_prefix + job_id, payload))
        commands.append(("ZADD", queue_name(lane), place, job_id))
    if notes:
        commands.append(("HSET", PENDING, *(part for note in notes for part in note)))
    for source, event_ids in waiting.items():
        commands.append(("SADD", PENDING_OF + source, *event_ids))
    return [*commands, ("EXEC",)]


class Enqueuer:
    """The gateway's side of the queue: `put` events, wait until they are durable."""

    def __init__(self, redis_url: str, *, wait_seconds: float = 5, flights: int = FLIGHTS) -> None:
        self._pool: ConnectionPool = connection_pool(redis_url, connections_max=flights)
        self._wait_seconds = wait_seconds
        self._flights = [Flight(self._pool) for _ in range(flights)]
        self._waiting: deque[_Waiting] = deque()
        self._places = Places()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._fly(flight)) for flight in self._flights]

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
        """Count the callers whose events are on no flight yet."""
        return len(self._waiting)

    async def put(self, *events: Packed) -> None:
        """Return when the events are on disk, all of them. Raises QueueUnavailable: Redis is away, full or too slow."""
        loop = asyncio.get_running_loop()
        entry = _Waiting(events, loop.create_future())
        # A timer and no asyncio.timeout: it costs a third, thousands of times a second.
        expiry = loop.call_later(self._wait_seconds, _give_up, entry)
        self._waiting.append(entry)
        if len(self._waiting) == 1:  # else somebody is on the way to take them all
            self._wake()
        try:
            await entry.done
        finally:
            expiry.cancel()

    def _wake(self) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return

    async def _fly(self, flight: Flight) -> None:
        while True:
            if not self._waiting:
                idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._idle.append(idle)
                await idle
                continue
            if not (batch := self._take()):
                continue
            try:
                await flight.send_until_known(_flush(batch, self._places))
            except QueueUnavailable as error:
                _settle(batch, error)
            except Exception:  # a bug of ours must not cost a flight: without flights nothing is taken any more
                log.exception("flush_broke", events=sum(len(entry.events) for entry in batch))
                _settle(batch, QueueUnavailable("a fault of the queue; send it again"))
            else:
                _settle(batch, None)

    def _take(self) -> list[_Waiting]:
        """Take what waits, up to a flush; a caller's events are never torn apart."""
        batch: list[_Waiting] = []
        count = size = 0
        while self._waiting:
            entry = self._waiting[0]
            if entry.done.done():  # nobody waits for it any more: it was told that it is too late
                self._waiting.popleft()
                continue
            count, size = count + len(entry.events), size + entry.size
            if batch and (count > FLUSH_EVENTS_MAX or size > FLUSH_BYTES_MAX):
                break
            batch.append(self._waiting.popleft())
        if self._waiting:
            self._wake()
        return batch


def _flush(batch: Sequence[_Waiting], places: Places) -> list[Command]:
    """Make one transaction of a batch: as a rule one job; a large call of the API is several."""
    events = [event for entry in batch for event in entry.events]
    jobs = _jobs(events, places)
    parcels = [join_events([event.data for event in job]) for _, job in jobs]
    notes = [(event.event_id, event.note) for event in events]
    waiting = by_source((event.event_id, event.source) for event in events)
    return transaction(Lane.LIVE, parcels, notes, waiting, [place for place, _ in jobs])


def _jobs(events: Sequence[Packed], places: Places) -> list[tuple[int, list[Packed]]]:
    """Put together what has the same place in the lane: a source that sends much does not take others along."""
    of_source, of_place = defaultdict[str, list[Packed]](list), defaultdict[int, list[Packed]](list)
    for event in events:
        of_source[event.source].append(event)
    for source, theirs in of_source.items():
        for portion in portions(theirs, FLUSH_EVENTS_MAX):
            of_place[places.take(source, sum(event.weight for event in portion))] += portion
    return [(place, job) for place, theirs in of_place.items() for job in portions(theirs, FLUSH_EVENTS_MAX)]


def _give_up(entry: _Waiting) -> None:
    _settle([entry], QueueUnavailable("the queue did not confirm in time; send it again"))


def _settle(batch: list[_Waiting], error: QueueUnavailable | None) -> None:
    for entry in batch:
        if entry.done.done():
            continue
        if error is None:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(error)
