"""Running: the whole product in one process, on a free port, with a real Valkey, SQLite and sandbox.

What the tests of the path, the queue, the API and the operations work with.
"""

import asyncio
import itertools
import os
import random
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from gateway.config import Settings, load_settings
from gateway.ingest.connection import sweep
from gateway.operations import keys, scripts, secrets, sources
from gateway.operations.operator import Operator, open_operator
from gateway.seal import write_secret_key
from gateway.serve.gateway import open_gateway, server_config
from gateway.serve.worker import open_worker
from gateway.store.migrate import migrate
from gateway.supervise.valkey import find_valkey_binary

# A guard against hanging, not a figure that is asserted.
PATIENCE_SECONDS = 30.0

OPEN_SCRIPT = '''"""Says yes to everybody who knows the word."""

from gateway.toolbox import upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    yield upsert_contact(identifiers={"email": request.json["email"]}, attributes={"visits": request.json["visits"]})
'''
WORD = {"x-word": "sesame-open"}


def _ports_of_this_process() -> Iterator[int]:
    """Go through the ports of this worker of pytest-xdist, over and over, from anywhere on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS_MAX
    begins, start = _FIRST_PORT + worker * _PORTS_OF_ONE, random.randrange(_PORTS_OF_ONE)
    return (begins + (start + number) % _PORTS_OF_ONE for number in itertools.count())


# Below those that the kernel gives to whoever asks for any: it would give a free one away before a program listens.
_FIRST_PORT, _PORTS_OF_ONE, _WORKERS_MAX = 12_000, 1_000, 20
_PORTS = _ports_of_this_process()


def free_port() -> int:
    """Give a port that nobody listens on, and that no other test is given for as long as a program takes to start."""
    for port in itertools.islice(_PORTS, _PORTS_OF_ONE):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait_for_valkey(path: Path) -> None:
    """Wait until the server behind a socket answers: the socket is there a moment before it listens."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            if probe.recv(64).startswith(b"+PONG"):
                return
        time.sleep(0.01)
    raise AssertionError("Valkey did not start")


@contextmanager
def run_valkey(folder: Path, *options: str) -> Iterator[str]:
    """Run an empty Valkey of its own; gives its URL."""
    path = folder / "v.sock"
    argv = [str(find_valkey_binary()), "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    argv += ["--databases", "64"]  # a corner for each product that tests run
    argv += [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--auto-aof-rewrite-min-size",
        "256mb",
        "--maxmemory",
        "2gb",
        "--logfile",
        str(folder / "valkey.log"),
        *options,
    ]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_valkey(path)
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait()


def prepare(folder: Path, redis_url: str = "", **settings: Any) -> Settings:
    """Make a data folder with a migrated database and a secret key; gives its settings."""
    settings.setdefault("stranger_refusals_per_minute", 0)  # all tests share one address, and many are refused
    ready = load_settings(
        data_dir=folder, redis_url=redis_url, gateway_port=free_port(), log_level="error", log_format="json", **settings
    )
    write_secret_key(ready.secret_key_path)
    migrate(ready.effective_database_url)
    return ready


@dataclass
class Running:
    settings: Settings
    op: Operator
    http: httpx.AsyncClient
    admin: dict[str, str] = field(default_factory=dict)

    async def add_source(self, name: str, script: str = OPEN_SCRIPT, **secret_values: str) -> None:
        await sources.add_source(self.op, name)
        for secret, value in (secret_values or {"word": WORD["x-word"]}).items():
            await secrets.set_secret(self.op, name, secret, value)
        await scripts.push_script(self.op, name, script, is_published=True)

    async def make_key(self, role: str = "admin", *reach: str) -> dict[str, str]:
        """Make a key; gives the header that presents it."""
        return {"x-api-key": (await keys.create_key(self.op, "test", role, list(reach)))["key"]}

    async def event(self, event_id: str, *until: str) -> dict[str, Any]:
        """Wait until the worker has settled an event (or it has one of these statuses) and give it."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = (await self.http.get(f"/api/events/{event_id}", headers=self.admin)).json()
            if (found.get("status") in until) if until else ("applied_at" in found and found["status"] != "queued"):
                return dict(found)
            assert time.monotonic() < give_up_at, found
            await asyncio.sleep(0.01)

    async def contact(self, key: str, value: str) -> httpx.Response:
        return await self.http.get(f"/api/contacts/{key}:{value}", headers=self.admin)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serve the gateway in this process; gives its address."""
    async with open_gateway(settings) as app:
        server = uvicorn.Server(server_config(app, settings))
        server.install_signal_handlers = lambda: None
        task = asyncio.create_task(server._serve())
        sweeper = asyncio.create_task(sweep(server.server_state))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{settings.gateway_port}"
        finally:
            sweeper.cancel()
            server.should_exit = True
            await task


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Run the worker in this process, and again where it ends by itself, as the supervisor does.

    Between two tests this loop stands still: to the time-outs of Redis that is an outage.
    """
    is_up, stopping = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(_work(settings, is_up, stopping))
    await asyncio.wait([task, asyncio.create_task(is_up.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(task, return_exceptions=True)


async def _work(settings: Settings, is_up: asyncio.Event, stopping: asyncio.Event) -> None:
    # Never cancelled, as the real one is not: while it starts, `wait_for` may swallow that (Python 3.11).
    while not stopping.is_set():
        async with open_worker(settings) as lanes:
            tasks = [asyncio.create_task(work) for work in (stopping.wait(), *(lane.run() for lane in lanes))]
            is_up.set()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for lane in lanes:
                await lane.stop()
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def run_all(settings: Settings) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        op = await stack.enter_async_context(open_operator(settings, actor="test"))
        address = await stack.enter_async_context(serving(settings))
        await stack.enter_async_context(working(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS))
        running = Running(settings, op, http)
        running.admin = await running.make_key("admin")
        yield running


def payload_folder() -> Path | None:
    """Name the folder of real webhook bodies, where there is one: HOOKWRIGHT_TEST_PAYLOADS."""
    named = os.environ.get("HOOKWRIGHT_TEST_PAYLOADS")
    return Path(named) if named else None
