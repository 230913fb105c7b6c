"""What is kept beside the path has its bounds: what finds no room is dropped and counted, and goes before events do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from running import prepare, run_valkey

from gateway import clock
from gateway.config import Settings
from gateway.ids import first_event_id_at, mint_event_id
from gateway.ingest.kept import WAITING_MAX, Kept
from gateway.ingest.receive import Received
from gateway.ingest.room import Room
from gateway.metrics import NOBODY, Metrics
from gateway.queue.connect import open_redis
from gateway.queue.kept import BODY_BYTES_MAX, SECONDS_MAX, Kind, drop_old_kept, keep, list_kept

REQUEST = Received(b"{}", b"", "203.0.113.1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepare(tmp_path)


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Redis]:
    """A Valkey whose memory this test may use up."""
    with run_valkey(tmp_path) as url:
        redis = open_redis(url)
        yield redis
        await redis.aclose(close_connection_pool=True)


async def fill(redis: Redis, kind: Kind, source: str, count: int = 60) -> None:
    for _ in range(count):
        given = {"request_id": mint_event_id(), "reason": "not genuine"}
        await keep(redis, kind, source, head=b"{}", body=bytes(BODY_BYTES_MAX), **given)


async def use_share(redis: Redis, share: float) -> None:
    """Set the memory so that what is there is this share of what the queue may have."""
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", int(used / share / 0.9))


async def test_rejected_requests_that_find_no_room_are_counted(settings: Settings) -> None:
    metrics = Metrics()
    redis = open_redis("unix:///tmp/there-is-no-such-socket.sock")
    kept = Kept(redis, metrics, Room(redis, settings))
    for _ in range(WAITING_MAX + 3):
        kept.put("rejected", "shop", "evt_1", "not genuine", REQUEST)
    assert metrics.series[NOBODY] == {"dropped:rejected": 3}
    await redis.aclose(close_connection_pool=True)


async def test_what_strangers_left_goes_before_events_are_refused(own: Redis, settings: Settings) -> None:
    metrics, room = Metrics(), Room(own, settings)
    for number in range(3):
        await fill(own, "rejected", f"shop-{number}")
    await fill(own, "sample", "new")
    await use_share(own, 0.85)
    await room.look()
    assert (room.full, room.is_tight) == (None, True)
    assert await list_kept(own, "rejected", "shop-0") == []
    assert len(await list_kept(own, "sample", "new")) == 50
    Kept(own, metrics, room).put("rejected", "shop-0", "evt_1", "not genuine", REQUEST)
    assert metrics.series[NOBODY] == {"dropped:rejected": 1}
    await room.look()
    assert room.is_tight is False, "the memory is free again"


async def test_samples_go_when_there_is_no_room_for_events(own: Redis, settings: Settings) -> None:
    room = Room(own, settings)
    await fill(own, "sample", "new")
    await use_share(own, 1.05)
    await room.look()
    assert room.full is not None
    assert await list_kept(own, "sample", "new") == []
    await room.look()
    assert room.full is None


async def test_what_is_older_than_seven_days_goes_also_from_a_list_that_grows(own: Redis) -> None:
    now = clock.now()
    for days in (9, 8, 1, 0):
        request_id = first_event_id_at(now - days * 24 * 3600 * 1_000_000)
        await keep(own, "rejected", "shop", request_id=request_id, reason="not genuine", head=b"{}", body=b"")
    await drop_old_kept(own, now)
    assert len(await list_kept(own, "rejected", "shop")) == 2
    await drop_old_kept(own, now + SECONDS_MAX * 1_000_000 + 1_000_000)
    assert await list_kept(own, "rejected", "shop") == []
