"""What the tests of the queue share: a database of the session's Valkey that is theirs, and clients to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from arq.connections import ArqRedis
from own_valkey import OwnValkey

from gateway.queue.connect import open_arq
from gateway.queue.enqueue import Enqueuer


@pytest_asyncio.fixture
async def redis(valkey_url: str) -> AsyncIterator[ArqRedis]:
    redis = open_arq(f"{valkey_url}?db=1")
    await redis.flushdb()
    yield redis
    await redis.aclose(close_connection_pool=True)


@pytest_asyncio.fixture
async def enqueuer(valkey_url: str, redis: ArqRedis) -> AsyncIterator[Enqueuer]:
    enqueuer = Enqueuer(f"{valkey_url}?db=1")
    await enqueuer.start()
    yield enqueuer
    await enqueuer.close()


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    with TemporaryDirectory(prefix="hw-") as folder:
        valkey = OwnValkey(Path(folder))
        valkey.start()
        yield valkey
        valkey.kill()
