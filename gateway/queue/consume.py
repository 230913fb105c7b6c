"""Consume: the arq worker of one lane. arq's traps are handled here, each where it would bite.

Takes an async function of a parcel and runs it for each job; a job ends only when that function
returned. A job at work is held by a lease that its worker renews: one that dies leaves its jobs to the
next within seconds. While Redis is full, which refuses leases, jobs are taken without one. Never holds
more of the queue than the writer can soon write.
"""

import asyncio
import contextlib
import math
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgpack
from arq import Retry
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.worker import Worker, func
from redis.exceptions import OutOfMemoryError, RedisError

from gateway.errors import Unavailable
from gateway.event import WEIGHT_AT_ONCE_MAX, Lane
from gateway.logs import log
from gateway.queue.kept import drop_kept
from gateway.queue.keys import FUNCTION, WORKERS_PAUSED, queue_name
from gateway.queue.parcel import Events, Parcel, UnknownParcel, unpack
from gateway.queue.relief import is_full, list_unleased, remove_job

# Live flushes may hold one event each: many of them make a batch. A bulk job holds 256, or runs scripts.
JOBS_MAX = {Lane.LIVE: 64, Lane.BULK: 16}
# What a transaction takes at most; 64 flushes of 4 MiB would be eight times that.
BYTES_AT_HAND_MAX = 32 * 1024 * 1024
# The transaction that is being written, and the next ones: what comes meanwhile is not behind more than that.
WEIGHT_AT_HAND_MAX = 4 * WEIGHT_AT_ONCE_MAX
# As many of the largest jobs, all at once.
UNLEASED_AT_ONCE = 8
LEASE_SECONDS = 5.0
RETRY_SECONDS, RETRY_SECONDS_MAX = 1.0, 10.0
STOP_SECONDS = 3.0
UNKNOWN_RETRY_SECONDS = 30.0

Take = Callable[[Parcel, Lane], Awaitable[None]]


class _Payload:
    """A job's argument. arq makes a repr of every argument, for its log: of megabytes, if they were bytes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def hand_over(self) -> bytes:
        """Give the bytes and keep none: arq holds on to its arguments until the job ends."""
        data, self.data = self.data, b""
        return data

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes>"


def _deserialise(data: bytes) -> dict[str, Any]:
    """Read arq's envelope. Never raises: arq deletes a job that it cannot decode; ours waits to be read.

    Takes the parcel alone from it: arq reckons with the times beside it, and ends where they are no numbers.
    """
    try:
        parcel = msgpack.unpackb(data)["a"][0]
    except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException):
        parcel = b""
    payload = _Payload(parcel if isinstance(parcel, bytes) else b"")
    return {"f": FUNCTION, "a": (payload,), "k": {}, "t": None, "et": 0}


class _Worker(Worker):
    """arq's worker, whose start of jobs is not cut off in the middle: redis-py would never give the connection back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.starting = asyncio.Lock()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        async with self.starting:
            await super().start_jobs(job_ids)


class LaneWorker:
    """The worker of one lane; a job whose `take` lasts longer than the timeout is put back."""

    def __init__(self, redis: ArqRedis, lane: Lane, take: Take, *, timeout_seconds: float, poll_seconds: float) -> None:
        self._redis, self._lane, self._take, self._timeout_seconds = redis, lane, take, timeout_seconds
        self._bytes_at_hand = self._weight_at_hand = 0
        self._is_paused = self._is_full = False
        self._worker = _Worker(
            functions=[func(self._job, name=FUNCTION, keep_result=0)],
            queue_name=queue_name(lane),
            redis_pool=redis,
            handle_signals=False,  # each worker would take the signals of the whole process
            max_jobs=JOBS_MAX[lane],
            queue_read_limit=JOBS_MAX[lane] * 5,  # below five times max_jobs busy workers starve each other
            job_timeout=None,  # arq deletes a job that is late; ours puts it back
            keep_result=0,  # a kept result refuses the same job id for an hour; a flush may be sent twice
            max_tries=2**31,  # past max_tries a job disappears without a trace
            poll_delay=poll_seconds,  # half a second by default
            log_results=False,
            health_check_interval=math.inf,  # nobody reads it, and a full Redis that refuses it would end the loop
            job_serializer=msgpack.packb,  # pickle by default: whoever writes to Redis would run code
            job_deserializer=_deserialise,
        )
        # By default the job's timeout and ten seconds: so long would a job wait whose worker was killed.
        self._worker.in_progress_timeout_s = LEASE_SECONDS

    async def run(self) -> None:
        """Work until stopped. Ends with an error when Redis goes away: arq's loop does not outlive it."""
        beside = [asyncio.create_task(self._renew_leases()), asyncio.create_task(self._relieve())]
        try:
            while self._worker.allow_pick_jobs:
                with contextlib.suppress(OutOfMemoryError):  # a lease was given and the count of tries refused
                    await self._worker.async_run()
                await self._look_for_room()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)  # they let go of their connections

    async def stop(self) -> None:
        """Fetch nothing more, let the jobs at work finish, and put back what does not."""
        self._worker.allow_pick_jobs = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._worker.starting.acquire(), STOP_SECONDS)  # for good: none is started any more
        if self._worker.tasks:
            await asyncio.wait(self._worker.tasks.values(), timeout=STOP_SECONDS)
        if self._worker.main_task:
            self._worker.main_task.cancel()
        # Not Worker.close(): it would close the pool under the other lane.
        for task in self._worker.tasks.values():
            task.cancel()
        await asyncio.gather(*self._worker.tasks.values(), return_exceptions=True)

    async def _renew_leases(self) -> None:
        """Hold on to the jobs at work, and hear whether to fetch further ones.

        Too late, after a sleep, is no harm: taken twice, a job is applied once.
        """
        while True:
            with contextlib.suppress(RedisError, OSError):  # away: the lane ends by itself, and says it
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for job_id in self._worker.tasks:
                        pipeline.pexpire(in_progress_key_prefix + job_id, int(LEASE_SECONDS * 1000))
                    pipeline.exists(WORKERS_PAUSED)
                    self._is_paused = bool((await pipeline.execute())[-1])
                self._allow_jobs()
            await asyncio.sleep(LEASE_SECONDS / 4)

    async def _relieve(self) -> None:
        """While Redis is full take jobs without a lease, so that it is full no more. arq takes none meanwhile."""
        failed: set[str] = set()
        while True:
            has_more = False
            with contextlib.suppress(RedisError, OSError):  # away: the lane ends by itself, and says it
                await self._look_for_room()
                has_more = self._is_full and not self._is_paused and await self._take_unleased(failed)
            if not has_more:
                await asyncio.sleep(LEASE_SECONDS / 4)

    async def _look_for_room(self) -> None:
        found = await is_full(self._redis, was_full=self._is_full)
        was, self._is_full = self._is_full, found  # after the answer: two may ask at once, and one says it
        self._allow_jobs()
        if self._is_full and not was:
            await drop_kept(self._redis, "rejected")
            log.error("redis_full_jobs_are_taken_without_leases", lane=self._lane.value)
        elif was and not self._is_full:
            log.info("redis_has_room", lane=self._lane.value)

    async def _take_unleased(self, failed: set[str]) -> bool:
        """Take the next jobs; False where there are none. What has failed comes again after all others."""
        job_ids = await list_unleased(self._redis, self._lane, but=failed, limit=UNLEASED_AT_ONCE)
        if not job_ids:
            failed.clear()
            return False
        done = await asyncio.gather(*(self._run_unleased(job_id) for job_id in job_ids))
        failed.update(job_id for job_id, is_done in zip(job_ids, done, strict=True) if not is_done)
        return True

    async def _run_unleased(self, job_id: str) -> bool:
        envelope = await self._redis.get(job_key_prefix + job_id)
        if envelope is None:  # somebody else was quicker
            return True
        try:
            await self._job({"job_id": job_id, "job_try": 1}, _deserialise(envelope)["a"][0])
        except Retry:  # said by who raises it
            return False
        await remove_job(self._redis, self._lane, job_id)
        return True

    @contextlib.contextmanager
    def _at_hand(self, *, size: int = 0, weight: int = 0) -> Iterator[None]:
        """Count what a job holds in memory and has to be written; fetch no further one while that is too much."""
        self._bytes_at_hand += size
        self._weight_at_hand += weight
        self._allow_jobs()
        try:
            yield
        finally:
            self._bytes_at_hand -= size
            self._weight_at_hand -= weight
            self._allow_jobs()

    def _allow_jobs(self) -> None:
        # arq asks for its limit before each job that it fetches.
        has_room = self._bytes_at_hand < BYTES_AT_HAND_MAX and self._weight_at_hand < WEIGHT_AT_HAND_MAX
        is_open = has_room and not self._is_paused and not self._is_full
        self._worker.max_jobs = JOBS_MAX[self._lane] if is_open else 0

    async def _job(self, ctx: dict[str, Any], payload: _Payload) -> None:
        with self._at_hand(size=len(payload.data)):
            await self._run_job(str(ctx["job_id"]), int(ctx["job_try"]), payload)

    async def _run_job(self, job_id: str, tries: int, payload: _Payload) -> None:
        try:
            parcel = unpack(payload.hand_over())
        except UnknownParcel as error:
            log.error("parcel_unknown", job_id=job_id, why=str(error))
            raise Retry(defer=UNKNOWN_RETRY_SECONDS) from None
        # An ordinary exception is final for arq: the job would be gone. Only Retry runs it again, so
        # everything that is not success becomes one.
        try:
            async with asyncio.timeout(self._timeout_seconds):
                with self._at_hand(weight=_weight_of(parcel)):
                    await self._take(parcel, self._lane)
        except Exception as error:
            log.warning("job_put_back", job_id=job_id, tries=tries, why=type(error).__name__, detail=str(error)[:200])
            raise Retry(defer=seconds_until_next_try(error, tries)) from None


def _weight_of(parcel: Parcel) -> int:
    return sum(event.weight for event in parcel.events) if isinstance(parcel, Events) else 0


def seconds_until_next_try(error: Exception, tries: int) -> float:
    """Wait longer each time, so that what never succeeds leaves the lane to others; and not all until one moment."""
    first = error.retry_after_seconds if isinstance(error, Unavailable) else RETRY_SECONDS
    seconds: float = min(first * 2 ** min(tries - 1, 10), max(first, RETRY_SECONDS_MAX))
    return seconds * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, no secret
