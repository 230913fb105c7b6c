"""The running product of these tests: once on each kind of database, with a corner of Valkey of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from databases import KINDS, fresh_database
from running import Running, prepare, run_all


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=KINDS)
async def running(request: pytest.FixtureRequest, valkey_url: str) -> AsyncIterator[Running]:
    corner = f"{valkey_url}?db={30 + KINDS.index(request.param)}"
    with TemporaryDirectory(prefix="hw-") as folder, fresh_database(request.param, request) as url:
        async with run_all(prepare(Path(folder), corner, database_url=url)) as running:
            yield running
