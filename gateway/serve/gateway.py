"""The gateway program: the path of a webhook and the action API, behind one port."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from gateway.api.app import build_api
from gateway.config import Settings
from gateway.ingest.connection import limited_protocol, sweep
from gateway.ingest.kept import Kept
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.receive import Receive, Scope, Send
from gateway.ingest.room import Room
from gateway.logs import RequestLog, configure_logs, log
from gateway.operations.operator import open_operator
from gateway.queue.connect import read_durability
from gateway.queue.enqueue import Enqueuer
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.serve.loop import run, spare_the_collector

DRAIN_SECONDS = 10


class Gateway:
    """The ASGI application: `/in/…` goes straight to the path, everything else to the API's routes."""

    def __init__(self, pipeline: Pipeline, api: Starlette) -> None:
        self._pipeline, self._api = pipeline, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/in/"):
            await self._pipeline(scope, receive, send)
        else:
            await self._api(scope, receive, send)


def serve_gateway(settings: Settings) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; then answer what is at work, flush, and end."""
    configure_logs(settings.log_level, settings.log_format, "gateway")
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_gateway(settings) as app:
        spare_the_collector()
        server = _Server(server_config(app, settings))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        sweeper = asyncio.create_task(sweep(server.server_state))
        try:
            await server.serve()
        finally:
            sweeper.cancel()


def server_config(app: Gateway, settings: Settings) -> uvicorn.Config:
    """Give what uvicorn is told: nothing of its own about proxies, logs and headers."""
    return uvicorn.Config(
        app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        http=limited_protocol(settings),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,  # it would believe any X-Forwarded-For from this machine; TRUSTED_PROXIES decides
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=2048,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signals: it raises them again when it ends, and the flushes would not be waited for."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Put the gateway together, and take it apart in the opposite order: flushes end before Redis closes."""
    async with AsyncExitStack() as stack:
        op = await stack.enter_async_context(open_operator(settings, actor="gateway"))
        pool = Pool(is_strict=settings.sandbox == "strict", children_max=settings.sandbox_children_max)
        layers = await pool.start()
        stack.push_async_callback(pool.close)
        log.info("sandbox", **layers)
        await _say_durability(op.redis)
        registry = Registry(op.store, op.redis, op.sealer, pool, settings.registry_path)
        await registry.start()
        stack.push_async_callback(registry.close)
        kept, room = Kept(op.redis), Room(op.redis, settings)
        enqueuer = Enqueuer(settings.effective_redis_url, wait_seconds=settings.enqueue_seconds)
        for part in (kept, room, enqueuer):
            await part.start()
            stack.push_async_callback(part.close)
        lines = RequestLog(settings.log_level, settings.log_format, "gateway")
        flusher = asyncio.create_task(lines.flush_regularly())
        stack.callback(lines.flush)
        stack.callback(flusher.cancel)
        pipeline = Pipeline(registry, pool, enqueuer, room, kept, settings, lines)
        yield Gateway(pipeline, build_api(op, pipeline))


async def _say_durability(redis: Redis) -> None:
    try:
        for warning in (await read_durability(redis)).warnings:
            log.warning("durability", why=warning)
    except (RedisError, OSError) as error:
        log.warning("redis_away", why=type(error).__name__)
