"""Serve: the console's process, behind a port of its own, until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from console.app import build_console
from gateway.config import Settings
from gateway.ingest.connection import limited_protocol, sweep
from gateway.logs import configure_logs, log
from gateway.operations.operator import open_operator
from gateway.operations.users import ensure_admin
from gateway.serve.loop import Server, hear_stop, run

DRAIN_SECONDS = 3  # a page is done by then; live views are cut


def serve_console(settings: Settings) -> None:
    """Run the console until SIGTERM or Ctrl-C."""
    configure_logs(settings.log_level, settings.log_format, "console")
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with open_console(settings) as app:
        server = Server(server_config(app, settings))

        def stop() -> None:
            server.should_exit = True

        hear_stop(stop)
        sweeper = asyncio.create_task(sweep(server.server_state))
        log.info("console", url=settings.effective_console_url)
        try:
            await server.serve()
        finally:
            sweeper.cancel()


def server_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.console_host,
        port=settings.console_port,
        http=limited_protocol(settings),
        ws="none",
        lifespan="off",
        access_log=False,  # it would write one-time links
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


@asynccontextmanager
async def open_console(settings: Settings) -> AsyncIterator[Starlette]:
    """Put the console together. Its operator brings the sandbox for checks and dry runs, started when first wanted."""
    async with open_operator(settings, actor="console") as op:
        await ensure_admin(op)
        yield build_console(op, settings)
