"""Coalesce: jobs that run at the same time hand their work to one writer.

Takes events, or ids of stored ones, and returns when they are committed. What waits is applied in one
transaction, as much as is soon written: live before bulk, and fairly among sources. What passes by
itself (a lock, a full disk, a lost connection) is tried again for ever; an error that repeats for the
same rows splits the batch until the culprit stands alone, and is parked.
"""

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from gateway import clock
from gateway.errors import StoreBusy
from gateway.event import WEIGHT_AT_ONCE_MAX, Event, Lane, portions
from gateway.logs import log
from gateway.store.engine import Store
from gateway.store.pending import Stored, weigh
from gateway.store.tries import Failures, Tries, Try
from gateway.worker.apply import Applied, ApplySettings, apply_batch, retake
from gateway.worker.observe import Observer
from gateway.worker.turns import Turns, Work

BATCH_EVENTS_MAX = 1000
# A live event waits for the bulk batch that is being written: a short one.
BULK_EVENTS_MAX = 256
BATCH_BYTES_MAX = 32 * 1024 * 1024
BACKOFF_SECONDS_MAX = 10.0
# Events whose jobs were put back, until they come again: to this worker, or to another one and never here.
GIVEN_BACK_MAX = 50_000

Of = TypeVar("Of", Event, Stored)
Outcome = TypeVar("Outcome")
Wake = Callable[[Sequence[str]], Awaitable[None]]
# What `apply_batch` and `retake` have in common.
_Write = Callable[..., list[Applied]]


class Writer:
    """The one writer of this worker: its own thread, so that jobs are fetched while a batch is written."""

    def __init__(self, store: Store, settings: ApplySettings, wake: Wake, observer: Observer | None = None) -> None:
        """`wake` is told the ids of stored events that a commit has made possible and could not take along."""
        self._store, self._settings, self._tell_woken = store, settings, wake
        self._observer = observer or Observer()
        self._waiting = {lane: Turns() for lane in Lane}
        self._given_back: dict[str, Tries] = {}
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._is_closing = threading.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Finish the batch that is being written, or give it up where the database is busy; and end."""
        self._is_closing.set()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown, wait=True)

    async def apply(self, events: Sequence[Event], lane: Lane) -> None:
        """Return when the events are committed. A caller that stops waiting takes its work back."""
        future = asyncio.get_running_loop().create_future
        await self._put(lane, [Work(lane, source, piece, (), future()) for source, piece in _pieces(events)])

    async def retake(self, event_ids: Sequence[str], lane: Lane) -> None:
        """Apply stored events that were held or waited; return when that is committed."""
        loop = asyncio.get_running_loop()
        look = partial(self._patiently, partial(self._weigh, event_ids), Tries())
        stored = await loop.run_in_executor(self._thread, look)
        await self._put(
            lane, [Work(lane, source, (), piece, loop.create_future()) for source, piece in _pieces(stored)]
        )

    def _weigh(self, event_ids: Sequence[str]) -> list[Stored]:
        with self._store.reading() as conn:
            return weigh(conn, event_ids)

    async def _put(self, lane: Lane, works: Sequence[Work]) -> None:
        for work in works:
            self._waiting[lane].add(work)
        self._wake.set()
        at, started = clock.now(), time.perf_counter()
        try:
            outcomes = await asyncio.gather(*(work.done for work in works), return_exceptions=True)
        except asyncio.CancelledError:
            for work in works:
                if self._waiting[lane].remove(work):
                    tried = Try(at, _ms_since(started), "put back: no transaction took it up in time")
                    self._note_given_back(work, tried)
            raise
        for error in outcomes:
            if error is not None:
                raise error

    def _note_given_back(self, work: Work, tried: Try) -> None:
        for event_id in work.event_ids:
            self._given_back.setdefault(event_id, Tries()).add(tried)
        while len(self._given_back) > GIVEN_BACK_MAX:
            del self._given_back[next(iter(self._given_back))]

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._next_batch():
                await self._write(batch)

    def _next_batch(self) -> list[Work]:
        """Take what waits, one lane at a time, up to the limits of a transaction."""
        lane = Lane.LIVE if self._waiting[Lane.LIVE] else Lane.BULK
        events_max = BATCH_EVENTS_MAX if lane is Lane.LIVE else BULK_EVENTS_MAX
        waiting, batch, count, size, weight = self._waiting[lane], list[Work](), 0, 0, 0
        while waiting:
            work = waiting.next
            count, size, weight = count + len(work.event_ids), size + work.size, weight + work.weight
            if batch and (count > events_max or size > BATCH_BYTES_MAX or weight > WEIGHT_AT_ONCE_MAX):
                break
            batch.append(waiting.take())
        return batch

    async def _write(self, batch: list[Work]) -> None:
        lane = batch[0].lane
        events = [event for work in batch for event in work.events]
        retaken = [stored.id for work in batch for stored in work.retaken]
        at, started = clock.now(), time.perf_counter()
        known = self._given_back.keys() & (event_id for work in batch for event_id in work.event_ids)
        given_back = {event_id: self._given_back.pop(event_id) for event_id in known}
        try:
            loop = asyncio.get_running_loop()
            applied = await loop.run_in_executor(self._thread, self._commit, events, retaken, lane, given_back)
            await self._tell_woken([event_id for one in applied for event_id in one.woken])
        except Exception as error:  # the jobs hear it and are put back; the writer goes on
            self._observer.took_again("batch_not_written")
            log.exception("batch_not_written", lane=lane.value, events=len(events), retaken=len(retaken))
            self._given_back.update(given_back)
            for work in batch:
                self._note_given_back(work, _try_of(error, at, started))
            _settle(batch, error)
            return
        _settle(batch, None)
        self._observer.wrote(events, applied, at)
        log.info(
            "batch",
            lane=lane.value,
            events=len(events),
            retaken=len(retaken),
            jobs=len(batch),
            statuses=_count(applied),
            ms=_ms_since(started),
        )

    def _commit(
        self, events: list[Event], retaken: list[str], lane: Lane, given_back: Mapping[str, Tries]
    ) -> list[Applied]:
        applied: list[Applied] = []
        for part, write in (events, apply_batch), (retaken, retake):
            if part:
                how = partial(write, self._store, settings=self._settings, lane=lane)
                applied += self._until_written(part, how, Failures(own=given_back))
        return applied

    def _until_written(self, part: Sequence[Event | str], write: _Write, failures: Failures) -> list[Applied]:
        """Write a batch; split it where an error repeats; park the one event that cannot be written.

        One that breaks alone is tried once more without those that it wakes: the fault may be theirs, and they
        come back as jobs of their own.
        """
        outcome = self._try(part, write, failures)
        if isinstance(outcome, Exception) and len(part) > 1:
            middle = len(part) // 2
            halves = (part[:middle], failures.copy()), (part[middle:], failures)
            return [one for half, failed in halves for one in self._until_written(half, write, failed)]
        if isinstance(outcome, Exception):
            outcome = self._try(part, partial(write, is_waking=False), failures)
        if isinstance(outcome, Exception):
            reason = f"a fault of the worker: {type(outcome).__name__}; the log has its trace"
            return self._patiently(partial(write, part, failures=failures, parked_for=reason), failures.shared)
        return outcome

    def _try(self, part: Sequence[Event | str], write: _Write, failures: Failures) -> list[Applied] | Exception:
        """Write a batch; give the error where it breaks, and note it. Raises StoreBusy: no event is at fault."""
        at, started = clock.now(), time.perf_counter()
        try:
            return self._patiently(partial(write, part, failures=failures), failures.shared)
        except StoreBusy:  # only when closing
            raise
        except Exception as error:
            log.exception("batch_broke", events=len(part), first=_id_of(part[0]), last=_id_of(part[-1]))
            failures.shared.add(_try_of(error, at, started))
            return error

    def _patiently(self, work: Callable[[], Outcome], failed: Tries) -> Outcome:
        """Try again and again while the database is busy or away, with a growing pause; each try is noted."""
        pause = 0.05
        while True:
            at, started = clock.now(), time.perf_counter()
            try:
                return work()
            except StoreBusy as error:
                self._observer.took_again("store_busy")
                failed.add(_try_of(error, at, started))
                log.warning("store_busy", why=error.detail, again_in_seconds=round(pause, 2))
                if self._is_closing.wait(pause * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, no secret
                    raise
                pause = min(pause * 2, BACKOFF_SECONDS_MAX)


def _id_of(one: Event | str) -> str:
    return one if isinstance(one, str) else one.id


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def _try_of(error: Exception, at: int, started: float) -> Try:
    """Say what stood in the way. Of a library's error only the name: its text may hold what was sent."""
    why = error.detail if isinstance(error, StoreBusy) else type(error).__name__
    return Try(at, _ms_since(started), why)


def _pieces(events: Iterable[Of]) -> list[tuple[str, list[Of]]]:
    """Tear events apart by source, and what is more than a transaction takes."""
    of_source = defaultdict[str, list[Of]](list)
    for event in events:
        of_source[event.source].append(event)
    return [(source, piece) for source, theirs in of_source.items() for piece in portions(theirs, BATCH_EVENTS_MAX)]


def _settle(batch: list[Work], error: Exception | None) -> None:
    for work in batch:
        if work.done.done():
            continue
        if error is None:
            work.done.set_result(None)
        else:
            work.done.set_exception(error)


def _count(applied: Sequence[Applied]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in applied:
        counts[one.status.value] = counts.get(one.status.value, 0) + 1
    return counts
