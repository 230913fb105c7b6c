"""Hearers: a real server that keeps what the product sends of its own accord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from running import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Hearer:
    """A server that keeps what it is sent; `refusals` answers that it gives first."""

    url: str
    refusals: list[int] = field(default_factory=list)
    heard: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def hear(self, request: Request) -> Response:
        self.heard.put_nowait((dict(request.headers), await request.body()))
        return Response(status_code=self.refusals.pop(0) if self.refusals else 204)


@asynccontextmanager
async def hearing(path: str) -> AsyncIterator[Hearer]:
    port = free_port()
    hearer = Hearer(f"http://127.0.0.1:{port}{path}")
    app = Starlette(routes=[Route(path, hearer.hear, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_config=None, access_log=False))
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield hearer
    finally:
        server.should_exit = True
        await task
