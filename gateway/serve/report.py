"""Report: what a program tells of itself while it runs: that it is alive, and what it has counted.

Takes a role, the program's counters and a way to describe it; writes both to Redis, beside the work. A Redis
that is away is told later: the counters go on. Never waits for anybody, never stops a program.
"""

import asyncio
import os
import secrets as random
import socket
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.logs import log
from gateway.metrics import Metrics
from gateway.queue.processes import TELL_SECONDS, forget_process, tell_process
from gateway.queue.stats import EVERYBODY, add_stats

STATS_SECONDS = 5.0
CLOSE_SECONDS = 2.0

Describe = Callable[[], dict[str, Any]]


class Report:
    def __init__(self, redis: Redis, role: str, metrics: Metrics, describe: Describe) -> None:
        self._redis, self._metrics, self._describe = redis, metrics, describe
        self._id = f"{socket.gethostname()}:{os.getpid()}:{random.token_hex(4)}"
        self._fixed = {
            "role": role,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": version("hookwright"),
            "started_at": round(time.time(), 3),
        }
        self._of_all: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._tell()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Tell the last counts, and that this process is no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._add_stats()
                await forget_process(self._redis, self._id)
        except (RedisError, OSError) as error:  # TimeoutError is one
            log.warning("report_not_told", why=type(error).__name__)

    async def _run(self) -> None:
        stats_at = time.monotonic() + STATS_SECONDS
        while True:
            await asyncio.sleep(TELL_SECONDS)
            await self._tell()
            if time.monotonic() >= stats_at:
                stats_at = time.monotonic() + STATS_SECONDS
                try:
                    await self._add_stats()
                except (RedisError, OSError) as error:
                    log.debug("stats_not_told", why=type(error).__name__)

    async def _tell(self) -> None:
        try:
            await tell_process(self._redis, self._id, {**self._fixed, **self._describe()})
        except (RedisError, OSError) as error:
            log.debug("process_not_told", why=type(error).__name__)

    async def _add_stats(self) -> None:
        """Tell source by source: one pipeline for a thousand of them would hold up the loop."""
        now, added = time.time(), self._metrics.added()
        for source, counters in added.items():
            await add_stats(self._redis, source, counters, now)
            self._metrics.mark_told(source, counters)
            self._of_all.update(counters)
        if self._of_all:
            await add_stats(self._redis, EVERYBODY, self._of_all, now)
            self._of_all.clear()
