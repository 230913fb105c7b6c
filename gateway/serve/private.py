"""Private: a second port of a program, for those who run it: /metrics, /healthz, /readyz in full.

Takes what gives the pages; serves them on a host and port of their own, by default on this machine alone.
Never part of the public side: strangers learn nothing of what is inside.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config import PREFIX
from gateway.errors import BadSetting
from gateway.metrics.exposition import CONTENT_TYPE

START_POLL_SECONDS = 0.01

Metrics = Callable[[], Awaitable[bytes]]
Readiness = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def private_port(
    host: str, port: int, setting: str, *, metrics: Metrics, readiness: Readiness
) -> AsyncIterator[None]:
    """Serve while the program runs; port 0 is off. Raises BadSetting where nothing can listen there."""
    if not port:
        yield
        return
    server = _Server(
        uvicorn.Config(
            _pages(metrics, readiness),
            host=host,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(_serve(server))
    try:
        while not server.started:
            if serving.done():
                raise BadSetting(f"{PREFIX}{setting}: nothing can listen on {host} port {port}; is it in use?")
            await asyncio.sleep(START_POLL_SECONDS)
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they are the program's


async def _serve(server: uvicorn.Server) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that the port is taken
        await server.serve()


def _pages(metrics: Metrics, readiness: Readiness) -> Starlette:
    async def show_metrics(_: Request) -> Response:
        return Response(await metrics(), headers={"content-type": CONTENT_TYPE})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        found = await readiness()
        return JSONResponse(found, 503 if found["status"] == "down" else 200)

    return Starlette(routes=[Route("/metrics", show_metrics), Route("/healthz", healthz), Route("/readyz", readyz)])
