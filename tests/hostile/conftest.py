"""Two pools for the whole folder: scripts behind the fence, and plain Python behind the wall alone."""

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.sandbox.pool import Pool


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    await pool.start()
    yield pool
    await pool.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def unfenced_pool() -> AsyncIterator[Pool]:
    pool = Pool(is_fenced=False)
    await pool.start()
    yield pool
    await pool.close()
