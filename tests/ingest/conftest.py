"""What the tests of ingest share: a gateway at the edge, with small limits, behind a proxy it trusts."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import echo
import pytest_asyncio
from running import Running, prepare, run_all


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(
            Path(folder),
            f"{valkey_url}?db=3",
            head_seconds=0.3,
            body_seconds=0.3,
            head_bytes_max=2048,
            connections_max=40,
            requests_in_flight_max=3,
            queue_events_max=50,
            trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"),
            public_url="https://hooks.example.com/shop/",
        )
        async with run_all(settings) as running:
            await running.add_source("open")
            await running.add_source("echo", echo.SCRIPT)
            yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tight(valkey_url: str) -> AsyncIterator[Running]:
    """A gateway that is quick to say it is enough, behind a proxy it trusts: tests choose their own address."""
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(
            Path(folder),
            f"{valkey_url}?db=11",
            source_queue_events_max=20,
            stranger_refusals_per_minute=8,
            trusted_proxies=("127.0.0.0/8",),
        )
        async with run_all(settings) as running:
            await running.add_source("open")
            await running.add_source("other")
            yield running
