"""The worker program: both lanes, one writer, and a sandbox of its own for replays."""

import asyncio
import contextlib
import os
import secrets as random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.config import Settings
from gateway.event import Lane
from gateway.logs import configure_logs, log
from gateway.operations.operator import open_operator
from gateway.queue.connect import open_arq
from gateway.queue.consume import LaneWorker
from gateway.queue.keys import WORKER_HEARTBEAT
from gateway.queue.retake import enqueue_retake
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.serve.loop import hear_stop, run, spare_the_collector
from gateway.serve.telling import Address, say_layers, telling
from gateway.tracing import open_tracing
from gateway.worker.apply import ApplySettings
from gateway.worker.bulk import Bulk
from gateway.worker.coalesce import Writer
from gateway.worker.job import Jobs
from gateway.worker.observe import Observer
from gateway.worker.orphans import Orphanage
from gateway.worker.retention import Retention
from gateway.worker.sweep import Sweep

HEARTBEAT_SECONDS = 2.0


def serve_worker(settings: Settings) -> None:
    """Run the worker until SIGTERM or Ctrl-C; then finish the batch at work and hand back the rest."""
    configure_logs(settings.log_level, settings.log_format, "worker")
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    hear_stop(stopping.set)
    async with open_worker(settings) as lanes:
        spare_the_collector()
        ends = [asyncio.create_task(lane.run()) for lane in lanes]
        stop = asyncio.create_task(stopping.wait())
        # A lane ends by itself when Redis goes away; the supervisor starts the worker again.
        done, _ = await asyncio.wait([*ends, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        await asyncio.gather(*(lane.stop() for lane in lanes))
        outcomes = await asyncio.gather(*ends, return_exceptions=True)
        if stop not in done:
            why = next((type(end).__name__ for end in outcomes if isinstance(end, Exception)), "ended")
            log.error("worker_ended", why=why)
            raise SystemExit(1)


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[list[LaneWorker]]:
    """Put the worker together, and take it apart in the opposite order."""
    async with AsyncExitStack() as stack:
        op = await stack.enter_async_context(open_operator(settings, actor="worker"))
        observer = Observer(tracing=open_tracing("worker"))
        stack.push_async_callback(asyncio.to_thread, observer.tracing.close)
        pool = Pool(
            is_strict=settings.sandbox == "strict",
            children_max=settings.sandbox_children_max,
            metrics=observer.metrics,
        )
        say_layers(await pool.start())
        stack.push_async_callback(pool.close)
        registry = Registry(op.store, op.redis, op.sealer, pool, None)
        await registry.start()
        stack.push_async_callback(registry.close)
        applying = ApplySettings(
            identifier_values_max=settings.identifier_values_max,
            ignored_identifiers=frozenset(settings.ignored_identifiers),
        )
        writer = Writer(op.store, applying, partial(enqueue_retake, op.redis), observer)
        await writer.start()
        stack.push_async_callback(writer.close)
        jobs = Jobs(op.store, op.redis, registry, pool, writer)
        retention = Retention(op.store, op.redis, settings.retention_days, settings.retention_bytes_max)
        bulk = Bulk(op.store, op.redis, registry, pool)
        orphanage = Orphanage(op.redis, writer, observer)
        for background in (
            Sweep(op.store, op.redis).run(),
            orphanage.run(),
            retention.run(),
            bulk.run(),
            _beat(op.redis),
        ):
            task = asyncio.create_task(background)
            stack.callback(task.cancel)
        private = Address(settings.worker_host, settings.worker_port, "WORKER_PORT")
        await stack.enter_async_context(telling(op, "worker", observer.metrics, pool, private))
        arq = open_arq(settings.effective_redis_url)
        stack.push_async_callback(arq.connection_pool.disconnect)
        yield [
            LaneWorker(
                arq,
                lane,
                jobs.take,
                timeout_seconds=settings.job_timeout_seconds,
                poll_seconds=settings.poll_delay_seconds,
            )
            for lane in Lane
        ]


async def _beat(redis: Redis) -> None:
    """Say that this worker is alive: the key goes by itself when the worker does."""
    name = f"{WORKER_HEARTBEAT}{socket.gethostname()}:{os.getpid()}:{random.token_hex(2)}"
    while True:
        with contextlib.suppress(RedisError, OSError):  # away: the lanes end by themselves, and say it
            await redis.set(name, "alive", px=int(HEARTBEAT_SECONDS * 3000))
        await asyncio.sleep(HEARTBEAT_SECONDS)
