"""Retention: what is old, or more than there is room for, is pruned. Every five minutes, by one worker at a time.

Takes the settings' days and bytes, prunes in small transactions with a breath between them, so that
applying never waits long. What one round leaves (the worker ends, the database is busy) the next one takes.
"""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway import clock
from gateway.errors import HookwrightError
from gateway.logs import log
from gateway.queue.kept import drop_old_kept
from gateway.queue.turn import take_turn
from gateway.store.engine import Store
from gateway.store.retention import prune_most, prune_old

EVERY_SECONDS = 300.0
STEP_EVENTS_MAX = 500
BREATH_SECONDS = 0.05
TURN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Retention:
    store: Store
    redis: Redis
    days: int
    bytes_max: int  # 0: no limit

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except (HookwrightError, RedisError, OSError) as error:
                log.warning("retention_failed", why=str(error)[:200])
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """Prune all there is to prune; gives how many events. Nothing while another worker is at it."""
        pruned = 0
        async with take_turn(self.redis, "retention", seconds=TURN_SECONDS) as turn:
            await drop_old_kept(self.redis, clock.now())
            while turn.is_ours and (step := await asyncio.to_thread(self._step)):
                pruned += step
                await turn.extend()
                await asyncio.sleep(BREATH_SECONDS)
        if pruned:
            log.info("retention", pruned=pruned)
        return pruned

    def _step(self) -> int:
        now = clock.now()
        with self.store.writing() as conn:
            pruned = prune_old(conn, now=now, days=self.days, limit=STEP_EVENTS_MAX)
            if self.bytes_max and not pruned:
                pruned = prune_most(conn, now=now, bytes_max=self.bytes_max, limit=STEP_EVENTS_MAX)
            return pruned
