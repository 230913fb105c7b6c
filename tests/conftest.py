"""What tests share: one Valkey and one running product a session. Everything in them is real."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
import structlog
from running import Running, prepare, run_all, run_valkey


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Take back what a command set up for its logs: it lasts as long as the process, which here is every test's."""
    yield
    structlog.reset_defaults()
    for name in ("arq", "uvicorn", "uvicorn.access", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder)) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        async with run_all(prepare(Path(folder), valkey_url)) as running:
            yield running
