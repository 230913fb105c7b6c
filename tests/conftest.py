"""What tests share: one Valkey and one running product a session. Everything in them is real."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from running import Running, prepare, run_all, run_valkey


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder)) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        async with run_all(prepare(Path(folder), valkey_url)) as running:
            yield running
