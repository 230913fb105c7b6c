"""Product: Hookwright as it is run, one process a program, on a Valkey and a database of its own.

Takes a temporary folder; gives sources with the Shopify plugin, and gateway and workers as processes.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

from redis import Redis

from gateway.config import Settings
from gateway.operations.keys import create_key
from gateway.operations.operator import open_operator
from gateway.operations.sources import add_source
from gateway.queue.keys import WORKER_HEARTBEAT
from tests.bench import orders
from tests.bench.processes import run, wait_for_port
from tests.running import PATIENCE_SECONDS, prepare, run_valkey


@dataclass(slots=True)
class Product:
    """A prepared data folder, an empty Valkey, and what starts a program on them."""

    folder: Path
    redis_url: str
    settings: Settings
    api_key: str
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOOKWRIGHT_DATA_DIR": str(self.folder),
            "HOOKWRIGHT_REDIS_URL": self.redis_url,
            "HOOKWRIGHT_DATABASE_URL": self.settings.effective_database_url,
            "HOOKWRIGHT_GATEWAY_PORT": str(self.settings.gateway_port),
            "HOOKWRIGHT_SANDBOX_CHILDREN_MAX": str(self.settings.sandbox_children_max),
            "HOOKWRIGHT_LOG_FORMAT": "json",
        }

    @property
    def port(self) -> int:
        return self.settings.gateway_port

    def redis(self) -> Redis:
        redis: Redis = Redis.from_url(self.redis_url)
        self.stack.callback(redis.close)
        return redis

    def start_gateway(self) -> Popen[bytes]:
        process = self.stack.enter_context(run(("gateway.cli", "gateway"), self._log("gateway"), self.environment))
        wait_for_port(process, self.port, self._log("gateway"))
        return process

    def start_worker(self) -> Popen[bytes]:
        return self.stack.enter_context(run(("gateway.cli", "worker"), self._log("worker"), self.environment))

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


@contextmanager
def valkey(appendfsync: str = "always") -> Iterator[str]:
    """Run an empty Valkey with the product's own options; gives its URL."""
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder), "--appendfsync", appendfsync) as url:
        yield url


@contextmanager
def product(
    appendfsync: str = "always", *, sources: Sequence[str] = (orders.SOURCE,), **settings: Any
) -> Iterator[Product]:
    """Prepare a data folder with the Shopify plugin behind each source, and a sender's key."""
    with TemporaryDirectory(prefix="hw-") as folder, valkey(appendfsync) as redis_url, ExitStack() as stack:
        ready = prepare(Path(folder), redis_url, **settings)
        yield Product(Path(folder), redis_url, ready, asyncio.run(_fill(ready, sources)), stack)


async def _fill(settings: Settings, sources: Sequence[str]) -> str:
    async with open_operator(settings, actor="bench") as op:
        for source in sources:
            await add_source(op, source, plugin="shopify", secrets={"signing_secret": orders.SECRET})
        return str((await create_key(op, "bench", "sender", []))["key"])


def wait_for_worker(redis: Redis, count: int = 1) -> None:
    """Return when so many workers have said that they are there."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while len(set(redis.scan_iter(f"{WORKER_HEARTBEAT}*"))) < count:
        if time.monotonic() > give_up_at:
            raise RuntimeError("the worker did not start")
        time.sleep(0.02)
