"""Ingest: requests answered a second, 32 connections, the queue's worker not running: the price of the answer alone.

The same uvicorn, the same body, the same client for all. Every row has a new server on a new, empty Valkey.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import orders
from tests.bench.figures import Row
from tests.bench.load import post
from tests.bench.orders import Template
from tests.bench.processes import cpu_seconds, run, wait_for_port
from tests.bench.product import product, valkey
from tests.running import free_port

REQUESTS = 500
WARM_SECONDS = 1.0

BARE, STOCK, GATEWAY, EVERYSEC, NO_SCRIPT = "bare", "stock", "gateway", "gateway-everysec", "gateway-api"
ROWS = {
    BARE: "Starlette + uvicorn: reads the body, says 202",
    STOCK: "Starlette + arq enqueue_job, fsync always",
    GATEWAY: "gateway, Shopify script, fsync always",
    EVERYSEC: "gateway, Shopify script, fsync every second",
    NO_SCRIPT: "gateway, no script (POST /api/upsertContact)",
}


@dataclass(frozen=True, slots=True)
class Target:
    port: int
    pid: int
    requests: list[Template]


def rows() -> list[Row]:
    return [Row(name, title) for name, title in ROWS.items()]


def measure(row: Row, seconds: float) -> None:
    """Measure one round of a row."""
    with _SERVERS[row.name]() as target:
        post(target.port, target.requests, WARM_SECONDS)
        before = cpu_seconds(target.pid)
        load = post(target.port, target.requests, seconds)
        load.note(row, cpu_seconds(target.pid) - before)


@contextmanager
def _bare() -> Iterator[Target]:
    with _peer("bare") as target:
        yield target


@contextmanager
def _stock() -> Iterator[Target]:
    with valkey() as url, _peer("stock", url.removeprefix("unix://")) as target:
        yield target


@contextmanager
def _peer(name: str, *arguments: str) -> Iterator[Target]:
    port = free_port()
    with TemporaryDirectory(prefix="hw-") as folder:
        log = Path(folder) / "peer.log"
        with run((f"tests.bench.peers.{name}", str(port), *arguments), log) as process:
            wait_for_port(process, port, log)
            yield Target(port, process.pid, orders.templates(f"/in/{orders.SOURCE}", REQUESTS))


@contextmanager
def _gateway(appendfsync: str = "always", *, is_scripted: bool = True) -> Iterator[Target]:
    with product(appendfsync) as running, running.stack:
        process = running.start_gateway()
        if is_scripted:
            requests = orders.templates(f"/in/{orders.SOURCE}", REQUESTS)
        else:
            requests = orders.contact_templates("/api/upsertContact", running.api_key, REQUESTS)
        yield Target(running.port, process.pid, requests)


_SERVERS: dict[str, Callable[[], AbstractContextManager[Target]]] = {
    BARE: _bare,
    STOCK: _stock,
    GATEWAY: _gateway,
    EVERYSEC: partial(_gateway, "everysec"),
    NO_SCRIPT: partial(_gateway, is_scripted=False),
}
