"""The worker of a lane, on a real Valkey: a job ends only when it is done, whatever stands in it."""

import asyncio
import logging
import pickle
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix, retry_key_prefix
from own_valkey import make_event, put
from running import PATIENCE_SECONDS

from gateway.errors import TriedLater
from gateway.event import Lane
from gateway.queue.consume import RETRY_SECONDS, RETRY_SECONDS_MAX, LaneWorker, Take, seconds_until_next_try
from gateway.queue.enqueue import Enqueuer
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Events, Parcel, Retake, join_events, pack_event
from gateway.queue.retake import enqueue_retake


async def until(is_so: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not ((answer := is_so()) and (not asyncio.iscoroutine(answer) or await answer)):
        assert time.monotonic() < give_up_at, "it did not come to pass"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def lane_worker(
    redis: ArqRedis, take: Take, *, lane: Lane = Lane.LIVE, timeout: float = 20
) -> AsyncIterator[None]:
    worker = LaneWorker(redis, lane, take, timeout_seconds=timeout, poll_seconds=0.01)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        await asyncio.gather(task, return_exceptions=True)


async def place(redis: ArqRedis, job_id: str, envelope: bytes) -> None:
    """Put a job into the queue as somebody else would: any bytes."""
    await redis.set(job_key_prefix + job_id, envelope)
    await redis.zadd(queue_name(Lane.LIVE), {job_id: int(time.time() * 1000)})


async def is_gone(redis: ArqRedis, job_id: str) -> bool:
    return not await redis.exists(job_key_prefix + job_id) and not await redis.zcard(queue_name(Lane.LIVE))


def envelope(*arguments: Any, function: str = "take") -> bytes:
    return bytes(msgpack.packb({"t": None, "f": function, "a": arguments, "k": {}, "et": 1}))


async def test_a_job_is_taken_once_and_then_gone(redis: ArqRedis, enqueuer: Enqueuer) -> None:
    taken: list[tuple[Parcel, Lane]] = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        taken.append((parcel, lane))

    events = [make_event(b"one"), make_event(b"two")]
    await asyncio.gather(*(put(enqueuer, event) for event in events))
    async with lane_worker(redis, take):
        await until(lambda: is_gone(redis, "any"))
    found = [event for parcel, _ in taken if isinstance(parcel, Events) for event in parcel.events]
    assert sorted(found, key=lambda event: event.id) == events
    assert {lane for _, lane in taken} == {Lane.LIVE}
    assert await redis.keys("arq:*") == [], "arq keeps no result: it would refuse the same job for an hour"


STRANGE = {
    "a version to come": envelope(b"\x02\x00" + msgpack.packb([])),
    "a kind to come": envelope(b"\x01\x63" + msgpack.packb([])),
    "a parcel cut off": envelope(join_events([pack_event(make_event())])[:-4]),
    "an event with too few fields": envelope(b"\x01\x00" + msgpack.packb([[1, 2]])),
    "no parcel": envelope(),
    "a parcel that is text": envelope("text"),
    "a parcel that is a number": envelope(7),
    "a function nobody knows": envelope(b"\x02\x00", function="run_this"),
    "times that are no numbers": bytes(
        msgpack.packb({"t": "soon", "f": "take", "a": (b"\x63",), "k": {}, "et": "now"})
    ),
    "a time beyond all years": bytes(msgpack.packb({"t": None, "f": "take", "a": (b"\x63",), "k": {}, "et": 2**63})),
    "an envelope that is a list": bytes(msgpack.packb([1, 2])),
    "bytes that are no msgpack": b"\xc1\xc1\xc1",
    "a pickle, as arq writes it": pickle.dumps({"t": None, "f": "take", "a": (b"x",), "k": {}, "et": 1}),
}


@pytest.mark.parametrize("kind", STRANGE)
async def test_what_cannot_be_read_is_put_back_and_never_deleted(redis: ArqRedis, kind: str) -> None:
    async def take(parcel: Parcel, lane: Lane) -> None:
        raise AssertionError("there was nothing to take")

    await place(redis, "job_strange", STRANGE[kind])
    async with lane_worker(redis, take):
        await until(lambda: redis.exists(retry_key_prefix + "job_strange"))
        await until(lambda: has_no_hand_on_it(redis))
    assert await redis.get(job_key_prefix + "job_strange") == STRANGE[kind]
    assert await redis.zcard(queue_name(Lane.LIVE)) == 1


async def has_no_hand_on_it(redis: ArqRedis) -> bool:
    score = await redis.zscore(queue_name(Lane.LIVE), "job_strange")
    return score is None or score > time.time() * 1000


async def test_a_strange_job_does_not_keep_the_next_one_waiting(redis: ArqRedis, enqueuer: Enqueuer) -> None:
    taken: list[Parcel] = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        taken.append(parcel)

    await place(redis, "job_strange", STRANGE["a version to come"])
    await put(enqueuer, make_event())
    async with lane_worker(redis, take):
        await until(lambda: taken)


async def test_a_job_that_raises_is_taken_again_until_it_succeeds(redis: ArqRedis) -> None:
    tries: list[Parcel] = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        tries.append(parcel)
        if len(tries) < 2:
            raise RuntimeError("not yet")

    await enqueue_retake(redis, ["evt_1"])
    async with lane_worker(redis, take, lane=Lane.BULK):
        await until(lambda: len(tries) == 2)
        await until(lambda: is_bulk_empty(redis))
    assert tries == [Retake(("evt_1",))] * 2


async def test_a_job_that_never_succeeds_leaves_the_lane_to_others_for_longer_and_longer(redis: ArqRedis) -> None:
    pauses: list[float] = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        raise RuntimeError("never")

    await enqueue_retake(redis, ["evt_1"])
    (job_id,) = await redis.zrange(queue_name(Lane.BULK), 0, -1)
    for tries in (0, 2, 50):
        await redis.set(retry_key_prefix.encode() + job_id, tries)
        await redis.zadd(queue_name(Lane.BULK), {job_id: 1})
        before = time.time()
        async with lane_worker(redis, take, lane=Lane.BULK):
            await until(lambda: is_put_back(redis, job_id))
        pauses.append(await redis.zscore(queue_name(Lane.BULK), job_id) / 1000 - before)
    assert pauses[0] >= 1
    assert pauses[1] >= 4
    assert pauses[2] >= RETRY_SECONDS_MAX


async def is_put_back(redis: ArqRedis, job_id: bytes) -> bool:
    return bool(await redis.zscore(queue_name(Lane.BULK), job_id) > 1)


@pytest.mark.parametrize("tries", [1, 5, 20, 2**31])
def test_the_pause_before_the_next_try_is_never_shorter_than_asked_for_and_has_an_end(tries: int) -> None:
    assert RETRY_SECONDS <= seconds_until_next_try(RuntimeError(), tries) <= 1.5 * RETRY_SECONDS_MAX
    asked = TriedLater("later", retry_after_seconds=300)
    assert 300 <= seconds_until_next_try(asked, tries) <= 1.5 * 300


async def is_bulk_empty(redis: ArqRedis) -> bool:
    return not await redis.zcard(queue_name(Lane.BULK))


async def test_a_job_that_takes_too_long_is_put_back_before_arq_gives_it_up(redis: ArqRedis) -> None:
    tries = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        tries.append(parcel)
        if len(tries) == 1:
            await asyncio.Event().wait()

    await enqueue_retake(redis, ["evt_1"])
    async with lane_worker(redis, take, lane=Lane.BULK, timeout=0.2):
        await until(lambda: len(tries) == 2)
        await until(lambda: is_bulk_empty(redis))


async def test_a_worker_that_stops_leaves_its_job_to_the_next(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.queue.consume.STOP_SECONDS", 0.05)
    begun, taken = asyncio.Event(), asyncio.Event()

    async def never_ends(parcel: Parcel, lane: Lane) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def take(parcel: Parcel, lane: Lane) -> None:
        taken.set()

    await enqueue_retake(redis, ["evt_1"])
    async with lane_worker(redis, never_ends, lane=Lane.BULK):
        await begun.wait()
    assert await redis.zcard(queue_name(Lane.BULK)) == 1
    async with lane_worker(redis, take, lane=Lane.BULK), asyncio.timeout(PATIENCE_SECONDS):
        await taken.wait()


async def test_what_people_sent_is_never_written_to_arqs_log(
    redis: ArqRedis, enqueuer: Enqueuer, caplog: pytest.LogCaptureFixture
) -> None:
    marker = "marker-in-the-body"
    taken = []

    async def take(parcel: Parcel, lane: Lane) -> None:
        taken.append(parcel)
        raise RuntimeError("so that arq has something to say")

    await put(enqueuer, make_event(marker.encode()))
    with caplog.at_level(logging.DEBUG):
        async with lane_worker(redis, take):
            await until(lambda: taken)
            await until(lambda: "retrying" in caplog.text)
    assert "take(" in caplog.text, "arq did log the job"
    assert marker not in caplog.text
