"""Alone: what the sandbox costs by itself: `Pool.run` with the Shopify script, no HTTP, no validation, no queue.

One request after the other, and so many at once that the child finds the next one waiting. CPU is this
process' share: the gateway's side of the round trip.
"""

import asyncio
import os
import time

import orjson
import uvloop

from gateway.plugins import load_plugin
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from tests.bench import orders
from tests.bench.figures import Row
from tests.bench.load import CONNECTIONS
from tests.bench.memory import sandbox_mib

REQUESTS = 500
WARM_SECONDS = 0.5
EVENT_ID = "evt_01HZZZZZZZZZZZZZZZZZZZZZZZ"
AT_ONCE = {"sandbox-1": 1, "sandbox-16": 16, "sandbox": CONNECTIONS}


def rows(*names: str) -> list[Row]:
    """Give the rows of these names; the one of none is the load of the gateway's own row."""
    return [Row(name, f"sandbox alone, {AT_ONCE[name]} at once (CPU: the gateway's side)") for name in names]


def shopify_script(source: str = orders.SOURCE) -> Script:
    plugin = load_plugin("shopify")
    manifest = plugin.manifest
    return Script(
        source,
        "ver_bench",
        "1",
        plugin.script,
        {"signing_secret": orders.SECRET},
        {setting.name: setting.default for setting in manifest.settings},
        unique_by=manifest.unique_by,
        occurred_at=manifest.occurred_at,
    )


def request(number: int) -> tuple[bytes, bytes]:
    """Give head and body of an order as the gateway hands them to the sandbox."""
    body = orders.order(number)
    head = {
        "method": "POST",
        "path": "",
        "query": "",
        "url": f"http://127.0.0.1:8080/in/{orders.SOURCE}",
        "headers": list(orders.headers(body, f"bench-{number}").items()),
        "client_ip": "127.0.0.1",
        "received_at": time.time_ns() // 1000,
        "content_type": "application/json",
    }
    return orjson.dumps(head), body


def measure(row: Row, seconds: float) -> None:
    uvloop.run(_measure(row, seconds))


async def _measure(row: Row, seconds: float) -> None:
    pool = Pool()
    await pool.start()
    try:
        await load_one(row, pool, shopify_script(), AT_ONCE[row.name], seconds)
    finally:
        await pool.close()


async def load_one(row: Row, pool: Pool, script: Script, at_once: int, seconds: float) -> None:
    """Measure one round of one script: the rate, the times, the CPU and what its child has of memory after it."""
    requests = [request(number) for number in range(REQUESTS)]
    await pool.warm(script)
    await _keep_running(pool, script, requests, at_once, WARM_SECONDS)
    cpu, began = time.process_time(), time.perf_counter()
    latencies = await _keep_running(pool, script, requests, at_once, seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    row.rates.append(len(latencies) / took)
    row.note_times(latencies)
    row.cpu_us.append(cpu / len(latencies) * 1e6)
    _, mib = sandbox_mib(os.getpid())
    if mib is not None:
        row.mib.append(mib)


async def _keep_running(
    pool: Pool, script: Script, requests: list[tuple[bytes, bytes]], at_once: int, seconds: float
) -> list[float]:
    latencies: list[float] = []
    stop_at = time.perf_counter() + seconds

    async def keep_running() -> None:
        while (began := time.perf_counter()) < stop_at:
            head, body = requests[len(latencies) % len(requests)]
            outcome = await pool.run(script, head, body, event_id=EVENT_ID)
            assert outcome.kind == "actions", outcome
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(keep_running() for _ in range(at_once)))
    return latencies
