"""What the tests of jobs share: a real database, its one writer, and a queue of their own."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from desk_of_jobs import Desk, open_desk
from structlog.testing import capture_logs

from gateway.store.engine import Store, open_store


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """Give the log lines of the test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url)
    yield store
    store.close()


@pytest_asyncio.fixture
async def desk(store: Store, valkey_url: str) -> AsyncIterator[Desk]:
    async with open_desk(store, f"{valkey_url}?db=2") as desk:
        yield desk
