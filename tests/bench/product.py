"""Product: Hookwright as it is run, one process a program, on a Valkey and an SQLite of its own.

Takes a temporary folder; gives a source with the Shopify plugin, and gateway and worker as processes.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

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
            "HOOKWRIGHT_GATEWAY_PORT": str(self.settings.gateway_port),
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
def product(appendfsync: str = "always") -> Iterator[Product]:
    """Prepare a data folder with the Shopify plugin as a source and a sender's key."""
    with TemporaryDirectory(prefix="hw-") as folder, valkey(appendfsync) as redis_url, ExitStack() as stack:
        settings = prepare(Path(folder), redis_url)
        yield Product(Path(folder), redis_url, settings, asyncio.run(_fill(settings)), stack)


async def _fill(settings: Settings) -> str:
    async with open_operator(settings, actor="bench") as op:
        await add_source(op, orders.SOURCE, plugin="shopify", secrets={"signing_secret": orders.SECRET})
        return str((await create_key(op, "bench", "sender", []))["key"])


def wait_for_worker(redis: Redis) -> None:
    """Return when a worker has said that it is there."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not any(redis.scan_iter(f"{WORKER_HEARTBEAT}*")):
        if time.monotonic() > give_up_at:
            raise RuntimeError("the worker did not start")
        time.sleep(0.02)
