"""Operator: who acts, and with what. Opened once by the CLI, the API or the console, and passed down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from redis.asyncio import Redis

from gateway.config import Settings
from gateway.queue.connect import open_redis
from gateway.registry import wait_for_gateways
from gateway.sandbox.pool import Pool
from gateway.seal import Sealer, open_sealer
from gateway.store.engine import Connection, Store, open_store
from gateway.store.registry import raise_generation

T = TypeVar("T")

# People compare one text after the other: the children of those before are soon sent home.
CHILDREN_MAX = 16


@dataclass(frozen=True, slots=True)
class Operator:
    actor: str  # for the audit: cli:root, key:key_…, user:…
    settings: Settings
    store: Store
    redis: Redis
    sealer: Sealer
    _pools: list[Pool] = field(default_factory=list)  # at most one, started by the first check of a script
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def pool(self) -> Pool:
        """Give the sandbox that checks scripts, started when it is first wanted."""
        if not self._pools:
            async with self._starting:
                if not self._pools:
                    pool = Pool(is_strict=self.settings.sandbox == "strict", children_max=CHILDREN_MAX)
                    await pool.start()
                    self._pools.append(pool)
        return self._pools[0]

    async def close(self) -> None:
        for pool in self._pools:
            await pool.close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading in a thread: SQLAlchemy blocks."""
        return await asyncio.to_thread(self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a writing transaction in a thread: nobody applies beside, what it reads holds until it commits."""
        return await asyncio.to_thread(self._write, work)

    async def publish(self, work: Callable[[Connection], T]) -> T:
        """Run a writing transaction that gateways must know of, and return when all of them do."""

        def with_generation(conn: Connection) -> tuple[T, int]:
            return work(conn), raise_generation(conn)

        result, generation = await self.write(with_generation)
        await wait_for_gateways(self.redis, generation)
        return result

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.store.reading() as conn:
            return work(conn)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.store.writing() as conn:
            return work(conn)


@asynccontextmanager
async def open_operator(settings: Settings, *, actor: str) -> AsyncIterator[Operator]:
    """Open what an operator needs. Redis is connected on first use: reading the database works without it."""
    store = open_store(settings.effective_database_url)
    redis = open_redis(settings.effective_redis_url)
    op = Operator(actor, settings, store, redis, open_sealer(settings))
    try:
        yield op
    finally:
        await op.close()
        await redis.aclose()
        await redis.connection_pool.disconnect()
        store.close()
