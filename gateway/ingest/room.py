"""Room: is there room for one more? Asked before a body is read; a place is taken when it is whole.

Counts requests at work, of which a source has half of what the others leave at most: so there is room for whoever
comes, however many floods there are. Looks every second at what Redis holds, in all and of each source that is
active: past a limit the sender hears 503 with Retry-After, and nothing is dropped in silence. Looks now and
then whether that Redis still keeps what it is given.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.config import Settings
from gateway.errors import QueueUnavailable, Unavailable
from gateway.logs import log
from gateway.queue.connect import read_durability
from gateway.queue.inspection import read_room
from gateway.queue.kept import drop_kept
from gateway.queue.pending import count_pending

LOOK_SECONDS = 1.0
NUDGED_SECONDS = 0.02  # between two looks that are asked for
DURABILITY_SECONDS = 30.0
RETRY_SECONDS = 10
# Of the memory that the queue may fill: past it nothing is kept of strangers, and what was kept goes.
TIGHT_SHARE = 0.8


class Room:
    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis, self._settings = redis, settings
        self._in_flight = 0
        self._in_flight_of: Counter[str] = Counter()
        self._full: str | None = None
        self._is_tight = False
        self._depths: dict[str, int] = {}
        self._added: Counter[str] = Counter()
        self._nudge = asyncio.Event()
        self._warnings: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None

    @property
    def full(self) -> str | None:
        """Say why nothing is taken; None where there is room."""
        return self._full

    @property
    def is_tight(self) -> bool:
        """Say whether memory is so short that there is none for what is no event."""
        return self._is_tight

    async def start(self) -> None:
        await self.look()
        await self.look_at_durability()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.contextmanager
    def taken(self, source: str, own_max: int | None = None) -> Iterator[None]:
        """Hold a place while a request is at work: a whole one, not while it comes in.

        Raises as `require_place`, and Unavailable where its source has its share, or as many as it may have.
        """
        self.require_place()
        count = self._in_flight_of[source]
        others = self._in_flight - count
        if count >= (own_max or max(1, (self._settings.requests_in_flight_max - others) // 2)):
            detail = f'{count} requests of source "{source}" are at work already; others need room, too'
            raise Unavailable(detail, 1, limit="in_flight_count")
        self._in_flight, self._in_flight_of[source] = self._in_flight + 1, count + 1
        try:
            yield
        finally:
            self._leave(source)

    def _leave(self, source: str) -> None:
        self._in_flight -= 1
        self._in_flight_of[source] -= 1
        if not self._in_flight_of[source]:
            del self._in_flight_of[source]

    def require_place(self) -> None:
        """Raise Unavailable where there is no place. Asked before a body is read as well: it would be read in vain."""
        if self._full is not None:
            raise QueueUnavailable(self._full, RETRY_SECONDS)
        if self._in_flight >= self._settings.requests_in_flight_max:
            raise Unavailable(f"{self._in_flight} requests are at work already", 1)

    def require(self, source: str, own_max: int | None = None) -> None:
        """Raise QueueUnavailable where so many events of this source wait that it may add no more."""
        allowed = own_max or self._settings.effective_source_queue_events_max
        waiting = self._depths.get(source, 0)
        if waiting >= allowed:
            detail = f'{waiting} events of source "{source}" wait already; its limit is {allowed}'
            raise QueueUnavailable(detail, RETRY_SECONDS, limit="queue_events_max")
        if waiting + self._added[source] >= allowed:  # unless the worker keeps up: who knows that is Redis
            self._nudge.set()

    def note_queued(self, source: str) -> None:
        """Count what this gateway has added since the last look."""
        self._added[source] += 1

    async def look(self) -> None:
        """See how full the queue is; say it once when it fills and once when there is room again."""
        was = self._full
        try:
            self._full = await self._read_room()
        except (RedisError, OSError):
            self._full = "the queue is not reachable; send it again"
        if was != self._full:
            log.warning("queue_full", why=self._full) if self._full else log.info("queue_has_room")

    async def _read_room(self) -> str | None:
        room = await read_room(self._redis)
        # Who has nothing waiting is forgotten, and asked for again when it sends.
        added, self._added = self._added, Counter()
        depths = await count_pending(self._redis, [*added.keys() | self._depths.keys()])
        self._depths = {name: waiting for name, waiting in depths.items() if waiting}
        used = room.memory_used / (room.memory_max * self._settings.queue_memory_share) if room.memory_max else 0.0
        await self._make_way(used)
        if room.events >= self._settings.queue_events_max:
            return f"the queue is full: {room.events} events wait"
        return "the queue is full: its memory is used up" if used > 1 else None

    async def _make_way(self, used: float) -> None:
        """Let go of what is no event before events are refused: rejected requests, and samples at the very end."""
        was, self._is_tight = self._is_tight, used > TIGHT_SHARE
        if self._is_tight:
            await drop_kept(self._redis, "rejected")
        if used > 1:
            await drop_kept(self._redis, "sample")
        if self._is_tight and not was:
            log.warning("memory_tight", why="the queue's memory is nearly used up: rejected requests are not kept")

    async def look_at_durability(self) -> None:
        """Say what does not hold our promise, when it changes: a Redis can be told otherwise while it runs."""
        try:
            warnings = (await read_durability(self._redis)).warnings
        except (RedisError, OSError):
            return  # said by `look`
        for warning in sorted(set(warnings) - set(self._warnings)):
            log.warning("durability", why=warning)
        self._warnings = warnings

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        durability_at = loop.time() + DURABILITY_SECONDS
        while True:
            await asyncio.sleep(NUDGED_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._nudge.wait()
            self._nudge.clear()
            await self.look()
            if loop.time() > durability_at:
                await self.look_at_durability()
                durability_at = loop.time() + DURABILITY_SECONDS
