"""Rest: from a POST to its effects committed in the database, on a machine that has nothing else to do.

Posts one by one with a pause between. The row is looked for in the database itself: asking the gateway
would be work for those who are measured.
"""

import http.client
import sqlite3
import time
from contextlib import closing

import orjson

from tests.bench import orders
from tests.bench.figures import Row
from tests.bench.product import Product, product, wait_for_worker

PAUSE_SECONDS = 0.03
LOOK_SECONDS = 0.0005
PATIENCE_SECONDS = 10.0


def rows() -> list[Row]:
    return [
        Row("post-answered", "POST → 202"),
        Row("post-applied", "POST → applied and committed"),
    ]


def measure(answered: Row, applied: Row, posts: int) -> None:
    with product() as running, running.stack:
        running.start_worker()
        running.start_gateway()
        wait_for_worker(running.redis())
        times = post_all(running, posts)
    for row, values in zip((answered, applied), zip(*times, strict=True), strict=True):
        row.note_times(values)


def post_all(running: Product, posts: int, first: int = 0) -> list[tuple[float, float]]:
    """Post one after the other; the first few, which meet a cold sandbox and a cold cache, do not count."""
    cold, times = 5, list[tuple[float, float]]()
    uri = f"file:{running.folder / 'hookwright.db'}?mode=ro"
    with (
        closing(http.client.HTTPConnection("127.0.0.1", running.port)) as gateway,
        closing(sqlite3.connect(uri, uri=True)) as database,
    ):
        for number in range(first, first + posts + cold):
            times.append(_post(gateway, database, number))
            time.sleep(PAUSE_SECONDS)
    return times[cold:]


def _post(gateway: http.client.HTTPConnection, database: sqlite3.Connection, number: int) -> tuple[float, float]:
    body = orders.order(number)
    began = time.perf_counter()
    gateway.request("POST", f"/in/{orders.SOURCE}", body, orders.headers(body, f"rest-{number}"))
    answer = gateway.getresponse()
    event_id = orjson.loads(answer.read())["id"]
    answered = time.perf_counter() - began
    while database.execute("SELECT status FROM events WHERE id = ?", (event_id,)).fetchone() != ("applied",):
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise RuntimeError(f"{event_id} is not applied after {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return answered, time.perf_counter() - began
