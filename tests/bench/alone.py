"""Alone: what the sandbox costs by itself: `Pool.run` with the Shopify script, no HTTP, no validation, no queue.

As many at once as the load has connections. CPU is this process' share: the gateway's side of the round trip.
"""

import asyncio
import time

import orjson
import uvloop

from gateway.plugins import load_plugin
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from tests.bench import orders
from tests.bench.figures import Row, percentile
from tests.bench.load import CONNECTIONS

REQUESTS = 500
EVENT_ID = "evt_01HZZZZZZZZZZZZZZZZZZZZZZZ"


def rows() -> list[Row]:
    return [Row("sandbox", "sandbox alone (CPU: the gateway's side)")]


def shopify_script() -> Script:
    plugin = load_plugin("shopify")
    manifest = plugin.manifest
    return Script(
        orders.SOURCE,
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
    pool, script, requests = Pool(), shopify_script(), [request(number) for number in range(REQUESTS)]
    await pool.start()
    try:
        await pool.warm(script)
        await _keep_running(pool, script, requests, 0.5)
        cpu, began = time.process_time(), time.perf_counter()
        latencies = await _keep_running(pool, script, requests, seconds)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    finally:
        await pool.close()
    row.rates.append(len(latencies) / took)
    row.p50s_ms.append(percentile(latencies, 0.5) * 1000)
    row.p99s_ms.append(percentile(latencies, 0.99) * 1000)
    row.cpu_us.append(cpu / len(latencies) * 1e6)


async def _keep_running(pool: Pool, script: Script, requests: list[tuple[bytes, bytes]], seconds: float) -> list[float]:
    latencies: list[float] = []
    stop_at = time.perf_counter() + seconds

    async def keep_running() -> None:
        while (began := time.perf_counter()) < stop_at:
            head, body = requests[len(latencies) % len(requests)]
            outcome = await pool.run(script, head, body, event_id=EVENT_ID)
            assert outcome.kind == "actions", outcome
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(keep_running() for _ in range(CONNECTIONS)))
    return latencies
