"""Drain: events a second that workers apply, every commit on disk, from a queue that is full already.

Each event is an order of its own person: two actions. Ours go through the whole worker with its ledger,
one worker or several, into SQLite or PostgreSQL; the stock worker does two plain upserts in one transaction
a job. Ours find the queue when all of them are there; the stock worker is timed from the first event that
is done. So nobody's start-up counts.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from redis import Redis

from gateway.clock import now
from gateway.event import Event, Lane
from gateway.ids import mint_event_id
from gateway.judge import Request, judge
from gateway.queue.enqueue import transaction
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.parcel import join_events, pack_event
from gateway.queue.pending import pending_note
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from tests.bench import databases, orders
from tests.bench.alone import request, shopify_script
from tests.bench.figures import Row
from tests.bench.memory import peak_mib
from tests.bench.processes import cpu_seconds, run
from tests.bench.product import product, valkey, wait_for_worker

PATIENCE_SECONDS = 120.0
STOCK, TUNED, WORKER = "stock-worker", "stock-worker-tuned", "worker-256"
STOCK_ROWS = {
    STOCK: "arq as it comes, one job an event, SQLite",
    TUNED: "arq tuned (poll 0, 50 jobs), one job an event, SQLite",
}
# The queue under this name is seen by nobody.
_ASIDE = "bench:aside"


@dataclass(frozen=True, slots=True)
class Crew:
    """Our own worker: how many of them, on which database, and how many events a flush of the gateway had."""

    workers: int
    database: str
    flush_size: int = 256

    @property
    def title(self) -> str:
        workers = "worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{workers}, {self.flush_size} events a flush, {databases.TITLES[self.database]}"


CREWS = {
    "worker-16": Crew(1, databases.SQLITE, 16),
    WORKER: Crew(1, databases.SQLITE),
    "workers-2": Crew(2, databases.SQLITE),
    "workers-4": Crew(4, databases.SQLITE),
    "postgresql-1": Crew(1, databases.POSTGRESQL),
    "postgresql-2": Crew(2, databases.POSTGRESQL),
    "postgresql-4": Crew(4, databases.POSTGRESQL),
}


def rows() -> list[Row]:
    return [Row(name, title) for name, title in STOCK_ROWS.items()] + [
        Row(name, crew.title) for name, crew in CREWS.items()
    ]


def measure(row: Row, events: int) -> None:
    """Measure one round: a queue of so many events (a tenth of them for the stock worker, which is slower)."""
    if row.name in CREWS:
        _drain_ours(row, events, CREWS[row.name])
    else:
        _drain_stock(row, events // 10)


def _drain_ours(row: Row, count: int, crew: Crew) -> None:
    with databases.database(crew.database) as url, product(database_url=url) as running, running.stack:
        redis = running.redis()
        fill(redis, judged(count), crew.flush_size)
        redis.rename(queue_name(Lane.LIVE), _ASIDE)
        pids = [running.start_worker().pid for _ in range(crew.workers)]
        wait_for_worker(redis, crew.workers)
        cpu, began = sum(map(cpu_seconds, pids)), time.perf_counter()
        redis.rename(_ASIDE, queue_name(Lane.LIVE))
        wait_for_none(row, lambda: int(redis.hlen(PENDING)))
        row.rates.append(count / (time.perf_counter() - began))
        row.cpu_us.append((sum(map(cpu_seconds, pids)) - cpu) / count * 1e6)
        row.mib += [max(peak_mib(pid) or 0 for pid in pids)]


def _drain_stock(row: Row, count: int) -> None:
    with valkey() as url, TemporaryDirectory(prefix="hw-") as folder, Redis.from_url(url) as redis:
        path = url.removeprefix("unix://")
        uvloop.run(_fill_stock(path, count))
        tuning = "tuned" if row.name == TUNED else "default"
        argv = ("tests.bench.peers.stock_worker", path, f"{folder}/stock.db", tuning)
        with run(argv, Path(folder) / "worker.log") as worker:
            first = _wait_for_less(row, lambda: int(redis.zcard("arq:queue")), count)
            cpu, began = cpu_seconds(worker.pid), time.perf_counter()
            wait_for_none(row, lambda: int(redis.zcard("arq:queue")))
            row.rates.append(first / (time.perf_counter() - began))
            row.cpu_us.append((cpu_seconds(worker.pid) - cpu) / first * 1e6)


def wait_for_none(row: Row, left: Callable[[], int]) -> None:
    while _wait_for_less(row, left, left()):
        pass


def _wait_for_less(row: Row, left: Callable[[], int], than: int) -> int:
    """Watch until there is progress; give what is left then."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (now_left := left()) >= than > 0:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{row.name}: {now_left} events are left, and nothing happens")
        time.sleep(0.005)
    return now_left


@lru_cache(maxsize=1)
def judged(count: int) -> list[Event]:
    """Make the events that the gateway would have made: through the sandbox, validated."""
    return uvloop.run(_judge_all(count))


async def _judge_all(count: int) -> list[Event]:
    pool, script = Pool(), shopify_script()
    await pool.start()
    try:
        made: list[Event] = []
        for start in range(0, count, 32):
            numbers = range(start, min(start + 32, count))
            made += await asyncio.gather(*(_judge(pool, script, number) for number in numbers))
    finally:
        await pool.close()
    return made


async def _judge(pool: Pool, script: Script, number: int) -> Event:
    event_id = mint_event_id()
    judged = await judge(pool, script, Request(event_id, event_id, now(), *request(number)), start_at="authenticate")
    return judged.event


def fill(redis: Redis, events: Sequence[Event], flush_size: int) -> None:
    for start in range(0, len(events), flush_size):
        flush = events[start : start + flush_size]
        notes = [(event.id, pending_note(event.status, event.source)) for event in flush]
        parcel = join_events([pack_event(event) for event in flush])
        with redis.pipeline(transaction=True) as pipeline:
            for command in transaction(Lane.LIVE, [parcel], notes)[1:-1]:
                pipeline.execute_command(*command)
            pipeline.execute()


async def _fill_stock(path: str, count: int) -> None:
    redis = await create_pool(RedisSettings(unix_socket_path=path))
    for start in range(0, count, 32):
        numbers = range(start, min(start + 32, count))
        await asyncio.gather(*(redis.enqueue_job("apply_order", orders.order(number)) for number in numbers))
    await redis.aclose()
