"""The gateway program: the path of a webhook and the action API, behind one port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from gateway.api.app import build_api
from gateway.config import Settings
from gateway.errors import Unavailable
from gateway.ids import mint_event_id
from gateway.ingest import respond
from gateway.ingest.connection import limited_protocol, sweep
from gateway.ingest.kept import Kept
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.rates import Rates
from gateway.ingest.receive import Receive, Scope, Send
from gateway.ingest.room import Room
from gateway.ingest.strangers import Strangers
from gateway.ingest.uploads import Uploads
from gateway.logs import RequestLog, configure_logs
from gateway.metrics import Metrics
from gateway.operations.operator import open_operator
from gateway.queue.enqueue import Enqueuer
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.serve.loop import Server, hear_stop, run, spare_the_collector
from gateway.serve.telling import Address, say_layers, telling
from gateway.tracing import open_tracing

# Enough for every script and for the queue; a body that still trickles in then comes again.
DRAIN_SECONDS = 5


class Gateway:
    """The ASGI application: `/in/…` goes straight to the path, everything else to the API's routes."""

    def __init__(self, pipeline: Pipeline, api: Starlette) -> None:
        self._pipeline, self._api = pipeline, api
        self._is_draining = False

    def drain(self) -> None:
        """Take nothing new from now on; what is at work is finished."""
        self._is_draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_draining:
            await _send_away(send)
            return
        try:
            await self._serve(scope, receive, send)
        except asyncio.CancelledError:  # by uvicorn, when the time to drain is over
            await _send_away(send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/in/"):
            await self._pipeline(scope, receive, send)
        else:
            await self._api(scope, receive, send)


async def _send_away(send: Send) -> None:
    answer = respond.refused(Unavailable("this gateway is stopping; send it again", 1), mint_event_id())
    closing = (*answer.headers, (b"connection", b"close"))
    await respond.send_answer(respond.Answer(answer.status, answer.body, closing), send)


def serve_gateway(settings: Settings) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; then answer what is at work, flush, and end."""
    configure_logs(settings.log_level, settings.log_format, "gateway")
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_gateway(settings) as app:
        spare_the_collector()
        server = Server(server_config(app, settings))

        def stop() -> None:
            app.drain()
            for connection in list(server.server_state.connections):
                connection.shutdown()  # uvicorn does so too, at its next tick: till then answers would keep alive
            server.should_exit = True

        hear_stop(stop)
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


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Put the gateway together, and take it apart in the opposite order: flushes end before Redis closes."""
    async with AsyncExitStack() as stack:
        op = await stack.enter_async_context(open_operator(settings, actor="gateway"))
        metrics, tracing = Metrics(), open_tracing("gateway")
        stack.push_async_callback(asyncio.to_thread, tracing.close)
        pool = Pool(
            is_strict=settings.sandbox == "strict",
            children_max=settings.sandbox_children_max,
            wait_seconds=settings.sandbox_wait_seconds,
            metrics=metrics,
        )
        say_layers(await pool.start())
        stack.push_async_callback(pool.close)
        registry = Registry(op.store, op.redis, op.sealer, pool, settings.registry_path)
        await registry.start()
        stack.push_async_callback(registry.close)
        room, rates = Room(op.redis, settings), Rates(op.redis, metrics)
        kept = Kept(op.redis, metrics, room)
        strangers = Strangers(rates, metrics, settings.stranger_refusals_per_minute)
        enqueuer = Enqueuer(settings.effective_redis_url, wait_seconds=settings.enqueue_seconds)
        for part in (room, kept, strangers, enqueuer):
            await part.start()
            stack.push_async_callback(part.close)
        lines = RequestLog(settings.log_level, settings.log_format, "gateway")
        flusher = asyncio.create_task(lines.flush_regularly())
        stack.callback(lines.flush)
        stack.callback(flusher.cancel)
        pipeline = Pipeline(
            registry,
            pool,
            enqueuer,
            room,
            Uploads(settings.upload_bytes_max),
            kept,
            settings,
            lines,
            metrics,
            rates,
            strangers,
            tracing,
        )
        private = Address(settings.gateway_metrics_host, settings.gateway_metrics_port, "GATEWAY_METRICS_PORT")
        await stack.enter_async_context(telling(op, "gateway", metrics, pool, private, lambda: room.full))
        yield Gateway(pipeline, build_api(op, pipeline))
