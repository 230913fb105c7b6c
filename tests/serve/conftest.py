"""What the tests of the programs share: a product whose private ports are open."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_asyncio
from running import Running, free_port, prepare, run_all


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def watched(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(
            Path(folder), f"{valkey_url}?db=12", gateway_metrics_port=free_port(), worker_port=free_port()
        )
        async with run_all(settings) as running:
            await running.add_source("shop")
            yield running
