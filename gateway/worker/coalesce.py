"""Coalesce: jobs that run at the same time hand their work to one writer.

Takes events, or ids of stored ones, and returns when they are committed. Everything that waits is
applied in one transaction, live before bulk. What passes by itself (a lock, a full disk, a lost
connection) is tried again for ever; an error that repeats for the same rows splits the batch until
the culprit stands alone, and is parked.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gateway.errors import StoreBusy
from gateway.event import Event, Lane, Status
from gateway.logs import log
from gateway.store.engine import Store
from gateway.worker.apply import Applied, ApplySettings, apply_batch, retake

BATCH_EVENTS_MAX = 1000
BATCH_BYTES_MAX = 32 * 1024 * 1024
BACKOFF_SECONDS_MAX = 10.0

Wake = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Work:
    lane: Lane
    events: tuple[Event, ...]
    retaken: tuple[str, ...]
    done: asyncio.Future[None]

    @property
    def size(self) -> int:
        return sum(len(event.body) + len(event.actions) for event in self.events)


class Writer:
    """The one writer of this worker: its own thread, so that jobs are fetched while a batch is written."""

    def __init__(self, store: Store, settings: ApplySettings, wake: Wake) -> None:
        """`wake` is told the ids of stored events that a commit has made possible and could not take along."""
        self._store, self._settings, self._tell_woken = store, settings, wake
        self._waiting: dict[Lane, deque[_Work]] = {Lane.LIVE: deque(), Lane.BULK: deque()}
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Finish the batch that is being written, and end."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown, wait=True)

    async def apply(self, events: Sequence[Event], lane: Lane) -> None:
        """Return when the events are committed. A caller that stops waiting takes its work back."""
        await self._put(_Work(lane, tuple(events), (), asyncio.get_running_loop().create_future()))

    async def retake(self, event_ids: Sequence[str], lane: Lane) -> None:
        """Apply stored events that were held or waited; return when that is committed."""
        await self._put(_Work(lane, (), tuple(event_ids), asyncio.get_running_loop().create_future()))

    async def _put(self, work: _Work) -> None:
        self._waiting[work.lane].append(work)
        self._wake.set()
        try:
            await work.done
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                self._waiting[work.lane].remove(work)
            raise

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._next_batch():
                await self._write(batch)

    def _next_batch(self) -> list[_Work]:
        """Take what waits, one lane at a time, up to the limits of a transaction."""
        lane = Lane.LIVE if self._waiting[Lane.LIVE] else Lane.BULK
        waiting, batch, count, size = self._waiting[lane], list[_Work](), 0, 0
        while waiting:
            work = waiting[0]
            count, size = count + len(work.events) + len(work.retaken), size + work.size
            if batch and (count > BATCH_EVENTS_MAX or size > BATCH_BYTES_MAX):
                break
            batch.append(waiting.popleft())
        return batch

    async def _write(self, batch: list[_Work]) -> None:
        lane = batch[0].lane
        events = [event for work in batch for event in work.events]
        retaken = [event_id for work in batch for event_id in work.retaken]
        started = time.perf_counter()
        try:
            loop = asyncio.get_running_loop()
            applied = await loop.run_in_executor(self._thread, self._commit, events, retaken, lane)
            await self._tell_woken([event_id for one in applied for event_id in one.woken])
        except Exception as error:  # the jobs hear it and are put back; the writer goes on
            log.exception("batch_not_written", lane=lane.value, events=len(events), retaken=len(retaken))
            _settle(batch, error)
            return
        _settle(batch, None)
        log.info(
            "batch",
            lane=lane.value,
            events=len(events),
            retaken=len(retaken),
            jobs=len(batch),
            statuses=_count(applied),
            ms=round((time.perf_counter() - started) * 1000, 1),
        )

    def _commit(self, events: list[Event], retaken: list[str], lane: Lane) -> list[Applied]:
        applied: list[Applied] = []
        if events:
            applied += self._until_written(events, lane)
        if retaken:
            applied += self._patiently(lambda: retake(self._store, retaken, settings=self._settings, lane=lane))
        return applied

    def _until_written(self, events: list[Event], lane: Lane) -> list[Applied]:
        """Write a batch; split it where an error repeats; park the one event that cannot be written."""

        def write() -> list[Applied]:
            return apply_batch(self._store, events, settings=self._settings, lane=lane)

        try:
            return self._patiently(write)
        except Exception as error:
            log.exception("batch_broke", events=len(events), first=events[0].id, last=events[-1].id)
            if len(events) > 1:
                middle = len(events) // 2
                return self._until_written(events[:middle], lane) + self._until_written(events[middle:], lane)
            if events[0].status is Status.FAILED:
                raise
            reason = f"a fault of the worker: {type(error).__name__}; the log has its trace"
            return self._until_written([replace(events[0], status=Status.FAILED, stage="apply", reason=reason)], lane)

    def _patiently(self, write: Callable[[], list[Applied]]) -> list[Applied]:
        """Write again and again while the database is busy or away, with a growing pause."""
        pause = 0.05
        while True:
            try:
                return write()
            except StoreBusy as error:
                log.warning("store_busy", why=error.detail, again_in_seconds=round(pause, 2))
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
                pause = min(pause * 2, BACKOFF_SECONDS_MAX)


def _settle(batch: list[_Work], error: Exception | None) -> None:
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
