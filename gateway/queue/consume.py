"""Consume: the arq worker of one lane. arq's traps are handled here, each where it would bite.

Takes an async function of a parcel and runs it for each job; a job ends only when that function
returned, so a worker that dies leaves its jobs to the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
from arq import Retry
from arq.connections import ArqRedis
from arq.worker import Worker, func

from gateway.event import Lane
from gateway.logs import log
from gateway.queue.keys import FUNCTION, queue_name
from gateway.queue.parcel import Parcel, UnknownParcel, unpack

JOBS_MAX = 64
RETRY_SECONDS = 1.0
STOP_SECONDS = 3.0
UNKNOWN_RETRY_SECONDS = 30.0

Take = Callable[[Parcel, Lane], Awaitable[None]]


class _Payload:
    """A job's argument. arq makes a repr of every argument, for its log: of megabytes, if they were bytes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes>"


def _deserialise(data: bytes) -> dict[str, Any]:
    """Read arq's envelope. Never raises: arq deletes a job that it cannot decode; ours waits to be read."""
    try:
        envelope: dict[str, Any] = msgpack.unpackb(data)
        parcel = envelope["a"][0]
        payload = _Payload(parcel if isinstance(parcel, bytes) else b"")
        return {**envelope, "f": FUNCTION, "a": (payload,), "k": {}}
    except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException):
        return {"f": FUNCTION, "a": (_Payload(b""),), "k": {}, "t": None, "et": 0}


class LaneWorker:
    """The worker of one lane; `take` may last half of the timeout before its job is put back."""

    def __init__(self, redis: ArqRedis, lane: Lane, take: Take, *, timeout_seconds: float, poll_seconds: float) -> None:
        self._lane, self._take, self._timeout_seconds = lane, take, timeout_seconds
        self._worker = Worker(
            functions=[func(self._job, name=FUNCTION, keep_result=0, timeout=timeout_seconds)],
            queue_name=queue_name(lane),
            redis_pool=redis,
            handle_signals=False,  # each worker would take the signals of the whole process
            max_jobs=JOBS_MAX,
            queue_read_limit=JOBS_MAX * 5,  # below five times max_jobs busy workers starve each other
            job_timeout=timeout_seconds,
            keep_result=0,  # a kept result refuses the same job id for an hour; a flush may be sent twice
            max_tries=2**31,  # past max_tries a job disappears without a trace
            poll_delay=poll_seconds,  # half a second by default
            log_results=False,
            job_serializer=msgpack.packb,  # pickle by default: whoever writes to Redis would run code
            job_deserializer=_deserialise,
        )

    async def run(self) -> None:
        """Work until stopped. Ends with an error when Redis goes away: arq's loop does not outlive it."""
        await self._worker.async_run()

    async def stop(self) -> None:
        """Fetch nothing more, let the jobs at work finish, and put back what does not."""
        self._worker.allow_pick_jobs = False
        if self._worker.tasks:
            await asyncio.wait(self._worker.tasks.values(), timeout=STOP_SECONDS)
        if self._worker.main_task:
            self._worker.main_task.cancel()
        # Not Worker.close(): it would close the pool under the other lane.
        for task in self._worker.tasks.values():
            task.cancel()
        await asyncio.gather(*self._worker.tasks.values(), return_exceptions=True)

    async def _job(self, ctx: dict[str, Any], payload: _Payload) -> None:
        try:
            parcel = unpack(payload.data)
        except UnknownParcel as error:
            log.error("parcel_unknown", job_id=ctx["job_id"], why=str(error))
            raise Retry(defer=UNKNOWN_RETRY_SECONDS) from None
        # An ordinary exception is final for arq, and so is its own time-out: the job would be gone.
        # Only Retry runs it again, so everything that is not success becomes one, well in time.
        try:
            async with asyncio.timeout(self._timeout_seconds / 2):
                await self._take(parcel, self._lane)
        except Exception as error:
            log.warning("job_put_back", job_id=ctx["job_id"], why=type(error).__name__, detail=str(error)[:200])
            raise Retry(defer=RETRY_SECONDS) from None
