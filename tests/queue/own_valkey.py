"""Own Valkey: a server of one test, which it may freeze, kill and start again on the same files."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgpack
from arq.constants import job_key_prefix
from redis.asyncio import Redis
from running import PATIENCE_SECONDS, wait_for_valkey

from gateway.event import Event, Lane, Status
from gateway.ids import mint_event_id
from gateway.queue.connect import open_redis
from gateway.queue.enqueue import Enqueuer, Packed
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Events, pack_event, unpack
from gateway.queue.pending import pending_note
from gateway.supervise.valkey import find_valkey_binary


@dataclass
class OwnValkey:
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/v.sock"

    def start(self, *options: str) -> None:
        path = self.folder / "v.sock"
        path.unlink(missing_ok=True)
        argv = [str(find_valkey_binary()), "--port", "0", "--unixsocket", str(path), "--dir", str(self.folder)]
        argv += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb", *options]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_valkey(path)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would, also where it is frozen."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


def make_event(body: bytes = b"{}", **values: object) -> Event:
    event_id = mint_event_id()
    return Event(event_id, event_id, "shop", 1_700_000_000_000_000, Status.QUEUED, body=body, **values)


def pack(event: Event) -> Packed:
    return Packed(event.id, pending_note(event.status, event.source), pack_event(event), event.source, event.weight)


async def put(enqueuer: Enqueuer, event: Event) -> str:
    await enqueuer.put(pack(event))
    return event.id


async def list_jobs(redis: Redis, lane: Lane = Lane.LIVE) -> dict[str, list[str]]:
    """Read what a worker would find: the ids of the events of each job."""
    jobs = {}
    for job_id in [entry.decode() for entry in await redis.zrange(queue_name(lane), 0, -1)]:
        envelope = msgpack.unpackb(await redis.get(job_key_prefix + job_id))
        parcel = unpack(envelope["a"][0])
        assert isinstance(parcel, Events)
        jobs[job_id] = [event.id for event in parcel.events]
    return jobs


async def queued_ids(redis: Redis) -> list[str]:
    return [event_id for ids in (await list_jobs(redis)).values() for event_id in ids]


@asynccontextmanager
async def enqueuing(url: str, wait_seconds: float = 5) -> AsyncIterator[Enqueuer]:
    enqueuer = Enqueuer(url, wait_seconds=wait_seconds)
    await enqueuer.start()
    try:
        yield enqueuer
    finally:
        await enqueuer.close()


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    redis = open_redis(url)
    try:
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


async def until_idle(enqueuer: Enqueuer, redis: Redis, jobs: int) -> None:
    """Wait until so many jobs are in the queue."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while await redis.zcard(queue_name(Lane.LIVE)) < jobs or enqueuer.backlog:
        assert time.monotonic() < give_up_at, "the flush never arrived"
        await asyncio.sleep(0.01)
