"""Bulk: goes through the jobs that people have begun, one step after the other, behind live traffic.

Takes the oldest job there is, in one worker at a time. A step is planned in one transaction: which deliveries, under
which ids, how far the cursor moves; only then is it queued. Whoever dies in between leaves the plan, and the next one
queues the very same ids, which nobody applies twice. Never gets far ahead of what is applied.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.errors import HookwrightError, NotFound, StoreBusy, Unavailable
from gateway.ids import mint_event_id
from gateway.logs import log
from gateway.operations.bulk import SAMPLES_MAX, filter_of, find_work
from gateway.operations.capturing import let_in
from gateway.operations.trial_requests import kept_request
from gateway.queue.bulk import enqueue_bulk, has_room
from gateway.queue.kept import forget_kept, list_kept
from gateway.queue.parcel import Replay
from gateway.queue.retake import enqueue_replays
from gateway.queue.turn import take_turn
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.store.bulk import ACTIVE, dump_step, find_bulk, find_next_bulk, load_step, update_bulk
from gateway.store.engine import Connection, Store
from gateway.store.pending import discard
from gateway.store.searching import span_of, walk

EVERY_SECONDS = 1.0
ROOM_SECONDS = 0.1
TURN_SECONDS = 30
STEP_DELIVERIES = 256
# How long a step looks into payloads: less than a turn at the jobs, which it does not extend meanwhile.
STEP_SECONDS = 5.0

# What passes by itself: the job is taken up again where it was.
PASSING = (StoreBusy, Unavailable, RedisError, OSError)
Step = list[tuple[str, str]]  # replay id, root


@dataclass(frozen=True, slots=True)
class Bulk:
    store: Store
    redis: Redis
    registry: Registry
    pool: Pool

    async def run(self) -> None:
        while True:
            try:
                await self.work_off()
            except PASSING as error:
                log.warning("bulk_waits", why=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def work_off(self) -> None:
        """Go through the jobs there are, unless another worker is at it."""
        if await asyncio.to_thread(self._find_next) is None:
            return
        async with take_turn(self.redis, "bulk", seconds=TURN_SECONDS) as turn:
            while turn.is_ours and (job := await asyncio.to_thread(self._find_next)) is not None:
                try:
                    async for _ in self._steps(job):
                        await turn.extend()
                        if not turn.is_ours:
                            return
                except PASSING:
                    raise
                except Exception as error:  # the next job must not wait for it
                    log.exception("bulk_job_broke", bulk_id=job["id"])
                    await asyncio.to_thread(self._fail, job["id"], error)

    async def _steps(self, job: dict[str, Any]) -> AsyncIterator[None]:
        """Take one step after the other, until the job is over or a person has stopped it."""
        if job["kind"] == "process_samples":
            await self._let_in_samples(job)
            return
        await self._queue(job["id"], load_step(job["step"]))
        while True:
            yield
            if not await has_room(self.redis):
                await asyncio.sleep(ROOM_SECONDS)
                continue
            step = await asyncio.to_thread(self._discard_some if job["kind"] == "discard" else self._plan, job["id"])
            if step is None:
                return
            await self._queue(job["id"], step)

    async def _queue(self, bulk_id: str, step: Step) -> None:
        if step:
            await enqueue_replays(self.redis, [Replay(replay_id, root, bulk_id) for replay_id, root in step])

    def _plan(self, bulk_id: str) -> Step | None:
        """Choose the next deliveries, and write down which; None where there is nothing more to do."""
        job, found, cursor = self._look(bulk_id)
        step = [(mint_event_id(), root) for _, root in found]
        with self.store.writing() as conn:
            return step if self._move(conn, job, cursor, len(step), dump_step(step)) else None

    def _discard_some(self, bulk_id: str) -> Step | None:
        job, found, cursor = self._look(bulk_id)
        with self.store.writing() as conn:
            many = discard(conn, [event_id for event_id, _ in found], job["reason"]) if found else 0
            return [] if self._move(conn, job, cursor, many, None) else None

    def _look(self, bulk_id: str) -> tuple[dict[str, Any], Step, str]:
        """Find what the next step is about: (event, root) pairs, and the last event that was looked at."""
        with self.store.reading() as conn:
            job = find_bulk(conn, bulk_id)
            if job is None:
                raise NotFound(f"there is no bulk job {bulk_id}")
            chosen = filter_of(job)
            span = span_of(chosen, after=job["cursor"], before=job["until"])
            rows = next(walk(conn, chosen, span, is_newest_first=False))
            work = find_work(conn, job["kind"], rows, chosen, time.monotonic() + STEP_SECONDS)
        if work.unread:
            log.warning("bulk_payloads_unread", bulk_id=bulk_id, count=work.unread)
        if len(work.found) > STEP_DELIVERIES:
            found = work.found[:STEP_DELIVERIES]
            return job, found, found[-1][0]
        return job, work.found, work.reached

    @staticmethod
    def _move(conn: Connection, job: dict[str, Any], cursor: str, many: int, step: str | None) -> bool:
        """Write how far the job is; False where it is over, or was stopped or moved by somebody else meanwhile."""
        values: dict[str, Any] = {"state": "running", "done": job["done"] + many, "step": step}
        if cursor:
            values["cursor"] = cursor
        else:
            values |= {"state": "done", "ended_at": clock.now()}
        return update_bulk(conn, job["id"], states=ACTIVE, seen_cursor=job["cursor"], **values) and bool(cursor)

    async def _let_in_samples(self, job: dict[str, Any]) -> None:
        """Judge every sample of a source; those that are refused are counted, and stay samples."""
        name = filter_of(job).sources[0]
        source = self.registry.find(name)
        if source is None or source.script is None:
            raise NotFound(f'source "{name}" has no live script, or is removed')
        samples = await list_kept(self.redis, "sample", name, SAMPLES_MAX)
        events, failed = [], 0
        for entry in reversed(samples):
            try:
                event = await let_in(self.pool, source, entry["id"], kept_request("sample", entry))
                events.append(replace(event, bulk_id=job["id"]))
            except Unavailable:
                raise
            except HookwrightError as error:
                failed += 1
                log.info("sample_refused", source=name, sample_id=entry["id"], why=type(error).__name__)
        if events:
            await enqueue_bulk(self.redis, events)
            await forget_kept(self.redis, "sample", name, {event.id for event in events})
        await asyncio.to_thread(self._end, job["id"], len(events) + failed, failed)

    def _end(self, bulk_id: str, done: int, failed: int) -> None:
        with self.store.writing() as conn:
            at = clock.now()
            update_bulk(conn, bulk_id, states=ACTIVE, state="done", done=done, failed=failed, ended_at=at)

    def _fail(self, bulk_id: str, error: Exception) -> None:
        why = error.detail if isinstance(error, HookwrightError) else "a fault of the worker; the log has its trace"
        with self.store.writing() as conn:
            update_bulk(conn, bulk_id, states=ACTIVE, state="failed", error=why, ended_at=clock.now())

    def _find_next(self) -> dict[str, Any] | None:
        with self.store.reading() as conn:
            return find_next_bulk(conn)
