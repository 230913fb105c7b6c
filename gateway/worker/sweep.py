"""Sweep: what nobody asks for. Once a minute, and when the worker starts.

Takes up stragglers: events that are held though their source runs again (they were in the queue when
it was resumed), and events that wait for what is there by now; never those that a job is to take already.
Gives up on those that have waited for seven days: they become failed, and a person may replay them. Forgets
secrets from before a rotation. Files failures under their issues that were not filed when they happened.
"""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.errors import HookwrightError
from gateway.logs import log
from gateway.queue.jobs import find_retaken
from gateway.queue.retake import enqueue_retake
from gateway.store.engine import Store
from gateway.store.issues import FILED_AT_ONCE, file_unfiled
from gateway.store.pending import fail_waiting, list_stragglers
from gateway.store.secrets import forget_previous

EVERY_SECONDS = 60.0
WAITING_MICROSECONDS_MAX = 7 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Sweep:
    store: Store
    redis: Redis

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except (HookwrightError, RedisError, OSError) as error:
                log.warning("sweep_failed", why=str(error)[:200])
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        found = await asyncio.to_thread(self._find)
        asked = await find_retaken(self.redis, found)
        stragglers = [event_id for event_id in found if event_id not in asked]
        await enqueue_retake(self.redis, stragglers)
        given_up = await asyncio.to_thread(self._give_up)
        while await asyncio.to_thread(self._file) == FILED_AT_ONCE:
            pass
        if stragglers or given_up:
            log.info("sweep", stragglers=len(stragglers), given_up=given_up)

    def _file(self) -> int:
        with self.store.writing() as conn:
            return file_unfiled(conn)

    def _find(self) -> list[str]:
        with self.store.reading() as conn:
            return list_stragglers(conn)

    def _give_up(self) -> int:
        with self.store.writing() as conn:
            forget_previous(conn, clock.now())
            return fail_waiting(conn, before=clock.now() - WAITING_MICROSECONDS_MAX)
