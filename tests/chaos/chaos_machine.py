"""Machine: the product as people run it, `up` as real processes in a data folder, and what a test does to them.

Processes are found below `up`, so that nothing but this machine's own is ever killed or frozen.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import PATIENCE_SECONDS, free_port, prepare

from gateway.config import Settings
from gateway.event import Lane
from gateway.operations import scripts, sources
from gateway.operations.operator import Operator, open_operator
from gateway.queue.keys import PENDING, queue_name

SECRET = "chaos-signing-secret"
SOURCE = "till"
SCRIPT = '''"""Till: who bought what, and that they were here. Signed; a delivery has its id in a header."""

from gateway.toolbox import verify_hmac


def authenticate(request, context):
    return verify_hmac(request, header="x-signature", secret=context.secrets["signing_secret"])


def transform(request, context):
    told = request.json
    contact = {"identifiers": {"email": told["email"]}}
    item = {"productID": str(told["number"]), "sku": "s", "name": "thing"}
    visit = {"name": "visit", "time": told["at"], "properties": {"number": told["number"]}}
    yield {"action": "upsertContact", **contact, "attributes": {"last": told["number"], "mood": told["mood"]}}
    yield {
        "action": "upsertOrder", "contact": contact, "orderID": told["order"], "purchaseDate": told["at"],
        "status": told["mood"], "items": [item],
    }
    visitor = {**contact, "canBeCreated": True}
    yield {"action": "createContactactivities", "contact": visitor, "contactActivities": [visit]}
'''


async def until(is_so: Callable[[], Any], what: str, seconds: float = 2 * PATIENCE_SECONDS) -> Any:
    """Wait until it is so; `is_so` may be a coroutine function."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = is_so()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < give_up_at, f"it did not come to pass: {what}"
        await asyncio.sleep(0.05)


def _children_of(parent_id: int) -> Iterator[tuple[int, list[str]]]:
    """Give the living children of a process with their command lines."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == parent_id and state != "Z":
                yield int(folder.name), (folder / "cmdline").read_bytes().decode().split("\0")[:-1]


@dataclass
class Machine:
    """One data folder with its settings; `op` works on its database and queue beside the running product."""

    settings: Settings
    op: Operator
    environment: dict[str, str]
    log: Path
    up: subprocess.Popen[bytes] | None = None
    frozen: set[int] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.gateway_port}"

    async def start(self) -> None:
        """Run `up` until it says that it is ready."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            command = [sys.executable, "-P", "-m", "gateway.cli", "up"]
            self.up = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd="/")
        await until(lambda: "Hookwright is ready" in self.said or self.up.poll() is not None, "up is ready")
        assert self.up.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop `up` and give its exit code."""
        assert self.up is not None
        self.up.send_signal(number)
        return await asyncio.to_thread(self.up.wait, PATIENCE_SECONDS)

    def programs(self) -> dict[str, int]:
        """Find what `up` runs now: valkey, gateway, worker."""
        assert self.up is not None
        found = {}
        for process_id, words in _children_of(self.up.pid):
            found["valkey" if "valkey-server" in words[0] else words[-1]] = process_id
        return found

    def fork_servers(self) -> list[int]:
        return [child for program in self.programs().values() for child, _ in _children_of(program)]

    def sandboxes(self) -> list[int]:
        return [child for server in self.fork_servers() for child, _ in _children_of(server)]

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.programs()[name], number)

    def freeze(self, process_id: int) -> None:
        self.frozen.add(process_id)
        with suppress(ProcessLookupError):  # one that was killed before may be gone by now
            os.kill(process_id, signal.SIGSTOP)

    def thaw(self, process_id: int) -> None:
        self.frozen.discard(process_id)
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGCONT)

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        """Hold the database as another program would that writes for long: nobody else can."""
        other = sqlite3.connect(
            self.settings.data_dir / "hookwright.db", isolation_level=None, timeout=PATIENCE_SECONDS
        )
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
        finally:
            other.rollback()
            other.close()

    async def is_drained(self) -> bool:
        """Tell whether nothing waits any more: neither an id nor a job."""
        with suppress(Exception):  # Valkey may be on its way back
            jobs = [await self.op.redis.zcard(queue_name(lane)) for lane in Lane]
            return not sum(jobs) and not await self.op.redis.hlen(PENDING)
        return False

    def kill(self) -> None:
        """End everything at once, whatever is frozen."""
        for process_id in list(self.frozen):
            self.thaw(process_id)
        if self.up is not None and self.up.poll() is None:
            self.up.kill()
            self.up.wait()


@asynccontextmanager
async def machine(folder: Path, **settings: Any) -> AsyncIterator[Machine]:
    """Run a machine with one signed source; what is left of it is killed at the end."""
    (folder / "data").mkdir(mode=0o700)
    ready = prepare(folder / "data", **{"console_port": free_port()} | settings)
    own = {"data_dir": ready.data_dir, "gateway_port": ready.gateway_port, "console_port": ready.console_port}
    told = {"log_level": "warning"} | own | settings
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    named = {f"HOOKWRIGHT_{name.upper()}": str(value) for name, value in told.items()}
    async with open_operator(ready, actor="test") as op:
        # The plugin is there for its `unique_by`: the header that names a delivery.
        await sources.add_source(op, SOURCE, plugin="github", secrets={"signing_secret": SECRET})
        await scripts.push_script(op, SOURCE, SCRIPT, is_published=True)
        running = Machine(ready, op, {**inherited, **named}, folder / "up.log")
        try:
            await running.start()
            yield running
        finally:
            running.kill()
