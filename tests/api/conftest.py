"""The console's own application beside the running gateway and worker, and an admin's program in front of it."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from managing import Program, program_of
from running import Running

from console.app import build_console


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    app = build_console(running.op, running.settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console.localhost") as http:
        yield http


@pytest_asyncio.fixture(loop_scope="session")
async def admin(running: Running, http: httpx.AsyncClient) -> Program:
    return await program_of(running, http)
