"""One console a module, with a person of each role; rooms that a test needs for itself it opens itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from visitors import House, open_house


@pytest.fixture(scope="session")
def valkey_url(valkey_url: str) -> str:
    """Give a room of its own in Valkey: gateways of other tests tell of themselves for some seconds more."""
    return f"{valkey_url}?db=22"


@pytest_asyncio.fixture
async def house(tmp_path: Path, valkey_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, valkey_url) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house(valkey_url: str) -> AsyncIterator[House]:
    """Give one console for many readings."""
    with TemporaryDirectory(prefix="hw-") as folder:
        async with open_house(Path(folder), valkey_url) as house:
            yield house


@pytest.fixture(autouse=True)
async def _no_tries_yet(valkey_url: str) -> AsyncIterator[None]:
    """Begin each test without counted sign-ins: they are counted for all consoles of one Valkey."""
    yield
    async with Redis.from_url(valkey_url) as redis:
        if keys := [key async for key in redis.scan_iter("hookwright:sign-in*")]:
            await redis.delete(*keys)


@pytest.fixture(autouse=True)
def _short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a stream after its first word: a client in this process reads an answer to its end."""
    monkeypatch.setattr("console.pages.overview.TICKS_MAX", 1)
