"""Drain: events a second that a worker applies into SQLite, every commit on disk, from a queue that is full already.

Each event is an order of its own person: two actions. Ours go through the whole worker with its ledger;
the stock worker does two plain upserts in one transaction a job. Timed from the first event that is done
to the last, so that nobody's start-up counts.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
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
from gateway.queue.keys import PENDING
from gateway.queue.parcel import join_events, pack_event
from gateway.queue.pending import pending_note
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from tests.bench import orders
from tests.bench.alone import request, shopify_script
from tests.bench.figures import Row
from tests.bench.processes import cpu_seconds, run
from tests.bench.product import product, valkey

PATIENCE_SECONDS = 120.0
STOCK, TUNED = "stock-worker", "stock-worker-tuned"
FLUSH_SIZES = {"worker-16": 16, "worker-256": 256}
ROWS = {
    STOCK: "arq as it comes, one job an event",
    TUNED: "arq tuned (poll 0, 50 jobs), one job an event",
    "worker-16": "worker, 16 events a flush",
    "worker-256": "worker, 256 events a flush",
}


def rows() -> list[Row]:
    return [Row(name, title) for name, title in ROWS.items()]


def measure(row: Row, events: int) -> None:
    """Measure one round: a queue of so many events (a tenth of them for the stock worker, which is slower)."""
    if row.name in FLUSH_SIZES:
        _drain_ours(row, events, FLUSH_SIZES[row.name])
    else:
        _drain_stock(row, events // 10)


def _drain_ours(row: Row, count: int, flush_size: int) -> None:
    with product() as running, running.stack:
        redis = running.redis()
        _fill(redis, uvloop.run(_judged(count)), flush_size)
        worker = running.start_worker()
        _time(row, worker.pid, lambda: int(redis.hlen(PENDING)))  # type: ignore[arg-type] # redis-py: or awaitable


def _drain_stock(row: Row, count: int) -> None:
    with valkey() as url, TemporaryDirectory(prefix="hw-") as folder, Redis.from_url(url) as redis:
        path = url.removeprefix("unix://")
        uvloop.run(_fill_stock(path, count))
        tuning = "tuned" if row.name == TUNED else "default"
        argv = ("tests.bench.peers.stock_worker", path, f"{folder}/stock.db", tuning)
        with run(argv, Path(folder) / "worker.log") as worker:
            _time(row, worker.pid, lambda: int(redis.zcard("arq:queue")))


def _time(row: Row, pid: int, left: Callable[[], int]) -> None:
    """Watch what is left; note the rate from the first progress to the end."""
    whole, give_up_at = left(), time.monotonic() + PATIENCE_SECONDS
    first, first_at, cpu = whole, 0.0, 0.0
    while (now_left := left()) > 0:
        if now_left < whole and not first_at:
            first, first_at, cpu = now_left, time.perf_counter(), cpu_seconds(pid)
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{row.name}: {now_left} of {whole} events are left after {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.005)
    row.rates.append(first / (time.perf_counter() - first_at))
    row.cpu_us.append((cpu_seconds(pid) - cpu) / first * 1e6)


async def _judged(count: int) -> list[Event]:
    """Make the events that the gateway would have made: through the sandbox, validated."""
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


def _fill(redis: Redis, events: Sequence[Event], flush_size: int) -> None:
    for start in range(0, len(events), flush_size):
        flush = events[start : start + flush_size]
        notes = [(event.id, pending_note(event.status, event.source)) for event in flush]
        parcel = join_events([pack_event(event) for event in flush])
        with redis.pipeline(transaction=True) as pipeline:
            for command in transaction(Lane.LIVE, [parcel], notes)[1:-1]:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py leaves it so
            pipeline.execute()


async def _fill_stock(path: str, count: int) -> None:
    redis = await create_pool(RedisSettings(unix_socket_path=path))
    for start in range(0, count, 32):
        numbers = range(start, min(start + 32, count))
        await asyncio.gather(*(redis.enqueue_job("apply_order", orders.order(number)) for number in numbers))
    await redis.aclose()
