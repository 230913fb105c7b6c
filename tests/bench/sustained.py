"""Sustained: the whole way under full load. Posts for a while with the worker running, then waits until all is applied.

Every sending is a delivery of its own; people and orders repeat, as they do in a shop. The rate is all that
was accepted, divided by the time from the first post to the last commit.
"""

import sqlite3
import time
from contextlib import closing

from gateway.queue.keys import PENDING
from tests.bench import orders
from tests.bench.figures import Row
from tests.bench.load import post
from tests.bench.processes import cpu_seconds
from tests.bench.product import product, wait_for_worker

REQUESTS = 2000
PATIENCE_SECONDS = 300.0


def rows() -> list[Row]:
    return [
        Row("sustained-answered", "answered, while the worker works"),
        Row("sustained-applied", "applied, until the queue is empty"),
    ]


def measure(answered: Row, applied: Row, seconds: float) -> None:
    """Measure one round. Raises RuntimeError where a single answered request is not applied."""
    requests = orders.templates(f"/in/{orders.SOURCE}", REQUESTS)
    with product() as running, running.stack:
        gateway, worker, redis = running.start_gateway(), running.start_worker(), running.redis()
        wait_for_worker(redis)
        began, spent = time.perf_counter(), (cpu_seconds(gateway.pid), cpu_seconds(worker.pid))
        load = post(running.port, requests, seconds)
        gateway_cpu = cpu_seconds(gateway.pid) - spent[0]
        while redis.hlen(PENDING):
            if time.perf_counter() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"{redis.hlen(PENDING)} events are not applied after {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.02)
        took, worker_cpu = time.perf_counter() - began, cpu_seconds(worker.pid) - spent[1]
        with closing(sqlite3.connect(running.folder / "hookwright.db")) as database:
            (count,) = database.execute("SELECT count(*) FROM events WHERE status = 'applied'").fetchone()
    if count < load.count:
        raise RuntimeError(f"{load.count} were answered 202 and only {count} applied")
    load.note(answered, gateway_cpu)
    applied.rates.append(count / took)
    applied.cpu_us.append(worker_cpu / count * 1e6)
