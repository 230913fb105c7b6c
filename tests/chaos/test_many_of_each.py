"""Many of each: two gateways and three workers on one Valkey and one PostgreSQL apply everything exactly once.

Senders post to either gateway, redeliver, and forge; events are replayed meanwhile; a worker is killed in the
middle of it. Afterwards the database says what one worker says that is told the same events one by one.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from chaos_machine import SCRIPT, SECRET, SOURCE, until
from chaos_senders import Senders
from chaos_truth import check
from postgres import Server
from running import PATIENCE_SECONDS, free_port, prepare, run_valkey

from gateway.config import Settings
from gateway.event import Lane
from gateway.operations import scripts, sources
from gateway.operations.events import list_events
from gateway.operations.operator import Operator, open_operator
from gateway.operations.replay import replay_event
from gateway.queue.keys import PENDING, WORKER_HEARTBEAT, queue_name

LOAD_SECONDS, KILLED_AFTER_SECONDS = 4.0, 2.0
SENDERS, REPLAYS = 12, 20


class EitherGateway(str):
    """The addresses of several gateways, as one: each time it is written it is one of them."""

    def __format__(self, _: str) -> str:
        return random.choice(self.split())


@contextmanager
def program(name: str, number: int, settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a gateway or a worker on a data folder of its own, as on a machine of its own."""
    folder = settings.data_dir / f"{name}-{number}"
    told = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key_path.read_text(),
        "GATEWAY_PORT": str(port),
        "LOG_FORMAT": "json",
    }
    folder.mkdir(mode=0o700)
    inherited = {each: value for each, value in os.environ.items() if not each.startswith("HOOKWRIGHT_")}
    environment = {**inherited, **{f"HOOKWRIGHT_{each}": value for each, value in told.items()}}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-P", "-m", "gateway.cli", name]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd="/")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@asynccontextmanager
async def one_source(settings: Settings) -> AsyncIterator[Operator]:
    async with open_operator(settings, actor="test") as op:
        # The plugin is there for its `unique_by`: the header that names a delivery.
        await sources.add_source(op, SOURCE, plugin="github", secrets={"signing_secret": SECRET})
        await scripts.push_script(op, SOURCE, SCRIPT, is_published=True)
        yield op


async def is_ready(url: str) -> bool:
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{url}/readyz")).status_code == 200
    return False


async def are_there(op: Operator, workers: int) -> bool:
    return len([key async for key in op.redis.scan_iter(f"{WORKER_HEARTBEAT}*")]) == workers


async def is_drained(op: Operator) -> bool:
    jobs = [await op.redis.zcard(queue_name(lane)) for lane in Lane]
    return not sum(jobs) and not await op.redis.hlen(PENDING)


async def replay_some(op: Operator) -> None:
    """Take events again while others are told: a replay that comes before its root is applied has to wait for it."""
    await asyncio.sleep(1)
    applied = await until(lambda: list_events(op, status="applied", limit=REPLAYS), "something is applied")
    for event in applied:
        await replay_event(op, event["id"])


async def under_load(op: Operator, urls: list[str], victim: "subprocess.Popen[bytes]") -> Senders:
    """Post for a while; kill a worker in the middle of it."""
    senders = Senders(EitherGateway(" ".join(urls)), random.Random(7), pause_seconds=0.005)
    loads = [asyncio.create_task(senders.run(SENDERS)), asyncio.create_task(replay_some(op))]
    await asyncio.sleep(KILLED_AFTER_SECONDS)
    victim.send_signal(signal.SIGKILL)
    await asyncio.sleep(LOAD_SECONDS - KILLED_AFTER_SECONDS)
    senders.is_over = True
    await asyncio.gather(*loads)
    return senders


async def test_two_gateways_and_three_workers_apply_everything_exactly_once(postgres: Server, tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="hw-") as aside, run_valkey(Path(aside)) as redis_url, ExitStack() as stack:
        url = stack.enter_context(postgres.database())
        (tmp_path / "all").mkdir(mode=0o700)
        settings = prepare(tmp_path / "all", redis_url, database_url=url)
        async with one_source(settings) as op:
            ports = [free_port(), free_port()]
            for number, port in enumerate(ports):
                stack.enter_context(program("gateway", number, settings, port))
            workers = [stack.enter_context(program("worker", number, settings, 0)) for number in range(3)]
            urls = [f"http://127.0.0.1:{port}" for port in ports]
            for each in urls:
                await until(lambda each=each: is_ready(each), "a gateway is ready")
            await until(lambda: are_there(op, 3), "three workers are there")
            senders = await under_load(op, urls, workers[0])
            await until(lambda: is_drained(op), "all is applied")
            logs = [(settings.data_dir / f"worker-{number}" / "log").read_text() for number in range(3)]
            assert all('"event":"batch"' in log.replace(" ", "") for log in logs), "each of them had a part in it"
            assert len(senders.deliveries) > 100
            check(op.store, senders.deliveries, senders.forged, tmp_path)
