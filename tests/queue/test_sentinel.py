"""Sentinel: the queue's server dies, another takes over, and the gateway finds it by itself."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from own_valkey import client, enqueuing, make_event, put, queued_ids
from redis import Redis
from redis.exceptions import RedisError
from running import PATIENCE_SECONDS, free_port

from gateway.errors import QueueUnavailable
from gateway.event import Event
from gateway.queue.enqueue import Enqueuer
from gateway.supervise.valkey import find_valkey_binary

SERVICE = "queue"
# A sentinel whose machine kept it waiting for two seconds trusts itself no more, and does nothing for thirty.
SENTINEL_SECONDS = 30 + PATIENCE_SECONDS


@contextmanager
def valkey(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir()
    argv = [str(find_valkey_binary()), *options, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass
class Watched:
    """A server, its replica, and a sentinel that watches both."""

    url: str
    first: subprocess.Popen[bytes]
    sentinel: Redis
    first_port: int

    def ask(self, what: str) -> list[bytes]:
        """Ask the sentinel; it knows nothing while it starts."""
        try:
            return list(self.sentinel.execute_command("SENTINEL", what, SERVICE) or [])
        except RedisError:
            return []

    def has_failed_over(self) -> bool:
        address = self.ask("get-master-addr-by-name")
        return bool(address) and int(address[1]) != self.first_port


def wait_for_replica(port: int) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    with Redis(host="127.0.0.1", port=port) as server:
        while time.monotonic() < give_up_at:
            with suppress(RedisError):
                if server.info("replication").get("slave0", {}).get("state") == "online":
                    return
            time.sleep(0.02)
    raise AssertionError("the replica did not come")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    first_port, second_port, port = free_port(), free_port(), free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {first_port} 1\n"
        f"sentinel down-after-milliseconds {SERVICE} 300\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    durable = ("--appendonly", "yes", "--save", "")
    with ExitStack() as stack:
        first = stack.enter_context(valkey(tmp_path / "first", first_port, *durable))
        replica = ("--replicaof", f"127.0.0.1 {first_port}", "--repl-diskless-sync-delay", "0")
        stack.enter_context(valkey(tmp_path / "second", second_port, *durable, *replica))
        wait_for_replica(first_port)  # a sentinel that comes too early asks again after ten seconds
        stack.enter_context(valkey(tmp_path / "watch", port, str(configuration), "--sentinel"))
        sentinel = stack.enter_context(Redis(host="127.0.0.1", port=port))
        yield Watched(f"redis+sentinel://127.0.0.1:{port}/{SERVICE}", first, sentinel, first_port)


async def until(is_so: Callable[[], object], what: str) -> None:
    give_up_at = time.monotonic() + SENTINEL_SECONDS
    while not is_so():
        assert time.monotonic() < give_up_at, what
        await asyncio.sleep(0.05)


async def put_until_taken(enqueuer: Enqueuer, event: Event) -> None:
    async with asyncio.timeout(SENTINEL_SECONDS):
        while True:
            with suppress(QueueUnavailable):
                await put(enqueuer, event)
                return
            await asyncio.sleep(0.05)


async def test_when_another_server_takes_over_events_go_there(watched: Watched) -> None:
    async with enqueuing(watched.url, wait_seconds=1) as enqueuer, client(watched.url) as redis:
        await until(lambda: watched.ask("replicas"), "the sentinel knows the replica")
        await put_until_taken(enqueuer, make_event())
        watched.first.kill()
        await until(watched.has_failed_over, "another server takes over")
        await put_until_taken(enqueuer, event := make_event())
        assert event.id in await queued_ids(redis)
