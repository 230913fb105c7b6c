"""A Redis past its maxmemory refuses every lease: what waits is drained all the same, and people hear of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from arq.connections import ArqRedis
from own_valkey import OwnValkey, make_event, put
from redis.exceptions import OutOfMemoryError
from running import PATIENCE_SECONDS
from structlog.testing import capture_logs

from gateway.event import Lane
from gateway.queue import consume
from gateway.queue.connect import open_arq
from gateway.queue.consume import LaneWorker, Take
from gateway.queue.enqueue import Enqueuer
from gateway.queue.kept import keep, list_kept
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Events, Parcel

EVENTS, BODY = 20, b"x" * 50_000
FULL = "redis_full_jobs_are_taken_without_leases"


@pytest_asyncio.fixture
async def redis(own_valkey: OwnValkey) -> AsyncIterator[ArqRedis]:
    redis = open_arq(own_valkey.url)
    yield redis
    await redis.aclose(close_connection_pool=True)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "LEASE_SECONDS", 0.4)


async def fill(redis: ArqRedis, url: str) -> list[str]:
    """Have so many events wait, and take half of the memory away that they need."""
    enqueuer = Enqueuer(url)
    await enqueuer.start()
    event_ids = [await put(enqueuer, make_event(BODY)) for _ in range(EVENTS)]
    await enqueuer.close()
    await leave_room_for(redis, -len(BODY) * EVENTS // 2)
    return event_ids


async def leave_room_for(redis: ArqRedis, size: int) -> None:
    await redis.config_set("maxmemory", int((await redis.info("memory"))["used_memory"]) + size)
    if size < 0:
        with pytest.raises(OutOfMemoryError):
            await redis.psetex("lease", 1000, b"1")


@asynccontextmanager
async def lane_worker(redis: ArqRedis, take: Take) -> AsyncIterator[None]:
    worker = LaneWorker(redis, Lane.LIVE, take, timeout_seconds=20, poll_seconds=0.01)
    task = asyncio.create_task(worker.run())
    try:
        yield
        assert not task.done(), "the lane is still there"
    finally:
        await worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], Awaitable[Any]]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not await is_so():
        assert time.monotonic() < give_up_at, "it did not come to pass"
        await asyncio.sleep(0.01)


async def is_drained(redis: ArqRedis) -> bool:
    return not await redis.zcard(queue_name(Lane.LIVE)) and not await redis.keys("arq:*")


async def test_what_waits_in_a_full_redis_is_taken_and_it_is_said(redis: ArqRedis, own_valkey: OwnValkey) -> None:
    event_ids, taken = await fill(redis, own_valkey.url), list[str]()

    async def take(parcel: Parcel, lane: Lane) -> None:
        assert isinstance(parcel, Events)
        taken.extend(event.id for event in parcel.events)

    with capture_logs() as lines:
        async with lane_worker(redis, take):
            await until(lambda: is_drained(redis))
            await until(lambda: has_said(lines, "redis_has_room"))
    assert sorted(taken) == event_ids
    assert [line["event"] for line in lines] == [FULL, "redis_has_room"]
    await redis.psetex("lease", 1000, b"1")


async def test_two_who_see_at_once_that_redis_is_full_or_has_room_say_it_once(
    redis: ArqRedis, own_valkey: OwnValkey
) -> None:
    async def take(parcel: Parcel, lane: Lane) -> None:
        raise AssertionError("nothing is fetched")

    worker = LaneWorker(redis, Lane.LIVE, take, timeout_seconds=20, poll_seconds=0.01)
    await fill(redis, own_valkey.url)
    with capture_logs() as lines:
        await asyncio.gather(*(worker._look_for_room() for _ in range(2)))
        await redis.config_set("maxmemory", 0)
        await asyncio.gather(*(worker._look_for_room() for _ in range(2)))
    assert [line["event"] for line in lines] == [FULL, "redis_has_room"]


async def has_said(lines: list[Any], event: str) -> bool:
    return any(line["event"] == event for line in lines)


async def test_a_redis_that_fills_up_under_a_running_worker_is_drained_too(
    redis: ArqRedis, own_valkey: OwnValkey
) -> None:
    taken, may_go_on = list[str](), asyncio.Event()

    async def take(parcel: Parcel, lane: Lane) -> None:
        assert isinstance(parcel, Events)
        await may_go_on.wait()
        if len(taken) == 1:
            taken.append("")
            raise RuntimeError("so that its place has to be changed, which is refused")
        taken.extend(event.id for event in parcel.events)

    async with lane_worker(redis, take):
        event_ids = await fill(redis, own_valkey.url)
        may_go_on.set()
        await until(lambda: is_drained(redis))
    assert set(event_ids) == set(taken) - {""}


async def test_a_job_that_fails_while_redis_is_full_is_kept_and_does_not_keep_others(
    redis: ArqRedis, own_valkey: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consume, "UNLEASED_AT_ONCE", 1)
    event_ids, tried = await fill(redis, own_valkey.url), list[str]()
    is_mended = asyncio.Event()

    async def take(parcel: Parcel, lane: Lane) -> None:
        assert isinstance(parcel, Events)
        tried.extend(event.id for event in parcel.events)
        if parcel.events[0].id == event_ids[0] and not is_mended.is_set():
            raise RuntimeError("not yet")

    async def is_only_one_left() -> bool:
        return bool(await redis.zcard(queue_name(Lane.LIVE)) == 1)

    async with lane_worker(redis, take):
        await until(is_only_one_left)
        is_mended.set()
        await until(lambda: is_drained(redis))
    assert set(tried) == set(event_ids)


async def test_what_strangers_left_goes_first_and_what_was_answered_stays(
    redis: ArqRedis, own_valkey: OwnValkey
) -> None:
    for kind in ("rejected", "sample"):
        await keep(redis, kind, "shop", request_id="r", reason="", head=b"{}", body=b"x")
    await fill(redis, own_valkey.url)

    async def take(parcel: Parcel, lane: Lane) -> None:
        pass

    async with lane_worker(redis, take):
        await until(lambda: is_drained(redis))
    assert await list_kept(redis, "rejected", "shop") == []
    assert len(await list_kept(redis, "sample", "shop")) == 1
