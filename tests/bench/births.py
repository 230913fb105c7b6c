"""Births: how long it takes until a script has run, from nothing.

The pool: a fork server executed, warmed, and the wall proved in real children. A source: its first
request, with the birth of a child that compiles its script, of one that runs it, and the run itself; then its first
request after that one went home, when the script is compiled already.
"""

import asyncio
import os
import time
from dataclasses import replace

import uvloop

from gateway.sandbox.pool import Pool
from tests.bench.alone import EVENT_ID, request, shopify_script
from tests.bench.figures import Row
from tests.bench.memory import sandbox_mib, sandboxes_of

STARTS = 3
SOURCES = 50
POOL, SOURCE, AGAIN = "pool-start", "first-request", "request-after-rest"


def rows() -> list[Row]:
    return [
        Row(POOL, "start of the pool: fork server, warm-up, self-test"),
        Row(SOURCE, "first request of a source: compile, birth, lock-down, load, run"),
        Row(AGAIN, "first one after its child went home: birth, lock-down, load, run"),
    ]


def measure(row: Row) -> None:
    uvloop.run(_start_pools(row) if row.name == POOL else _run_first_requests(row))


async def _start_pools(row: Row) -> None:
    took = []
    for _ in range(STARTS):
        pool, began = Pool(), time.perf_counter()
        await pool.start()
        took.append(time.perf_counter() - began)
        await pool.close()
    row.note_times(took)


async def _run_first_requests(row: Row) -> None:
    pool = Pool()
    await pool.start()
    try:
        if row.name == AGAIN:
            await time_first_requests(Row("", ""), pool)
            for number in range(SOURCES):
                pool.retire(f"shop-{number}")
            while sandboxes_of(os.getpid()):
                await asyncio.sleep(0.01)
        await time_first_requests(row, pool)
    finally:
        await pool.close()


async def time_first_requests(row: Row, pool: Pool) -> None:
    """Run one request of each of so many sources; note the times, and what a child has for itself after it."""
    script, took = shopify_script(), []
    for number in range(SOURCES):
        head, body = request(number)
        began = time.perf_counter()
        outcome = await pool.run(replace(script, source=f"shop-{number}"), head, body, event_id=EVENT_ID)
        took.append(time.perf_counter() - began)
        assert outcome.kind == "actions", outcome
    row.note_times(took)
    _, mib = sandbox_mib(os.getpid())
    if mib is not None:
        row.mib.append(mib)
