"""One sandbox for all tests of plugins: a fork server takes a moment, its children hardly any."""

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.sandbox.pool import Pool


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    await pool.start()
    yield pool
    await pool.close()
