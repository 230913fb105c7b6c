"""Group commit: what stands in Redis when a sender has been answered, on a real Valkey."""

import asyncio

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from own_valkey import OwnValkey, client, enqueuing, list_jobs, make_event, pack, put, queued_ids
from structlog.testing import capture_logs

from gateway.errors import QueueUnavailable
from gateway.event import Lane
from gateway.queue.enqueue import FLIGHTS, FLUSH_BYTES_MAX, FLUSH_EVENTS_MAX, Enqueuer, Packed
from gateway.queue.inspection import read_queue, read_room
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.parcel import Replay, Replays, unpack
from gateway.queue.pending import clear_pending, find_pending
from gateway.queue.retake import enqueue_replays, enqueue_retake


async def test_a_lone_event_leaves_at_once_as_a_job_of_its_own(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    event_ids = [await put(enqueuer, make_event()) for _ in range(3)]
    assert list((await list_jobs(redis)).values()) == [[event_id] for event_id in event_ids]


async def test_events_that_come_together_share_a_job(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    events = [make_event() for _ in range(200)]
    await asyncio.gather(*(put(enqueuer, event) for event in events))
    jobs = await list_jobs(redis)
    assert len(jobs) <= FLIGHTS
    assert sorted(await queued_ids(redis)) == sorted(event.id for event in events)


async def test_a_flush_closes_at_256_events(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    events = [make_event() for _ in range(FLUSH_EVENTS_MAX * 3)]
    await asyncio.gather(*(put(enqueuer, event) for event in events))
    sizes = [len(ids) for ids in (await list_jobs(redis)).values()]
    assert max(sizes) == FLUSH_EVENTS_MAX
    assert sum(sizes) == len(events)


async def test_a_flush_closes_at_4_mib(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    events = [make_event(b"x" * (FLUSH_BYTES_MAX // 3)) for _ in range(12)]
    await asyncio.gather(*(put(enqueuer, event) for event in events))
    assert max(len(ids) for ids in (await list_jobs(redis)).values()) == 2


async def test_one_event_larger_than_a_flush_still_goes(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    event_id = await put(enqueuer, make_event(b"x" * (FLUSH_BYTES_MAX + 1)))
    assert list((await list_jobs(redis)).values()) == [[event_id]]


async def test_a_jobs_payload_never_runs_out_of_time(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    """arq drops a job whose payload has expired; -1 is what Redis says of a key that never does."""
    await put(enqueuer, make_event())
    await enqueue_retake(redis, ["evt_1"])
    await enqueue_replays(redis, [Replay("evt_2", "evt_1")])
    keys = await redis.keys(job_key_prefix + "*")
    assert len(keys) == 3
    assert {await redis.ttl(key) for key in [*keys, PENDING]} == {-1}


async def test_an_answered_id_is_known_until_it_is_cleared(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    event_id = await put(enqueuer, make_event())
    assert await find_pending(redis, event_id) == {"id": event_id, "status": "queued", "source": "shop"}
    assert (await read_room(redis)).events == 1
    await clear_pending(redis, [event_id], {"shop": [event_id]})
    await clear_pending(redis, [])
    assert await find_pending(redis, event_id) is None


async def test_retaken_ids_and_replays_queue_on_the_bulk_lane_256_a_job(redis: ArqRedis) -> None:
    await enqueue_retake(redis, [f"evt_{number}" for number in range(600)])
    assert await redis.zcard(queue_name(Lane.BULK)) == 3
    assert await redis.zcard(queue_name(Lane.LIVE)) == 0
    assert (await read_queue(redis))["lanes"]["bulk"]["jobs"] == 3


async def test_a_queued_replay_is_known_at_once(redis: ArqRedis) -> None:
    import msgpack

    await enqueue_replays(redis, [Replay("evt_2", "evt_1")])
    assert (await find_pending(redis, "evt_2") or {})["status"] == "queued"
    (key,) = await redis.keys(job_key_prefix + "*")
    assert unpack(msgpack.unpackb(await redis.get(key))["a"][0]) == Replays((Replay("evt_2", "evt_1"),))


async def test_closing_flushes_what_waits(valkey_url: str, redis: ArqRedis) -> None:
    async with enqueuing(f"{valkey_url}?db=1") as enqueuer:
        events = [make_event() for _ in range(50)]
        tasks = [asyncio.create_task(put(enqueuer, event)) for event in events]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [event.id for event in events]
    assert sorted(await queued_ids(redis)) == sorted(event.id for event in events)


async def test_a_large_call_is_several_jobs_in_one_transaction(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    events = [make_event() for _ in range(FLUSH_EVENTS_MAX * 2 + 1)]
    await enqueuer.put(*map(pack, events))
    jobs = list((await list_jobs(redis)).values())
    assert sorted(map(len, jobs)) == [1, FLUSH_EVENTS_MAX, FLUSH_EVENTS_MAX]
    assert (await read_room(redis)).events == len(events)


async def test_a_large_call_that_finds_no_room_is_refused_whole(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis, enqueuing(own_valkey.url) as enqueuer:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used + 2 * 1024 * 1024)
        with pytest.raises(QueueUnavailable, match="full"):
            await enqueuer.put(*(pack(make_event(b"x" * 10_000)) for _ in range(1000)))
        assert await list_jobs(redis) == {}
        assert await redis.dbsize() == 0


async def test_a_full_queue_refuses_and_writes_nothing_of_what_it_refused(own_valkey: OwnValkey) -> None:
    async with client(own_valkey.url) as redis, enqueuing(own_valkey.url) as enqueuer:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used + 4 * 1024 * 1024)
        await redis.config_set("maxmemory-policy", "noeviction")
        confirmed: list[str] = []
        with pytest.raises(QueueUnavailable, match="full"):
            for _ in range(100):
                confirmed.append(await put(enqueuer, make_event(b"x" * 300_000)))
        assert confirmed
        assert await queued_ids(redis) == confirmed
        assert (await read_room(redis)).events == len(confirmed)
        assert all([await find_pending(redis, event_id) for event_id in confirmed])
        assert len(await redis.keys(job_key_prefix + "*")) == len(confirmed)

        await redis.config_set("maxmemory", 0)
        assert await put(enqueuer, make_event()) in await queued_ids(redis)


async def test_a_redis_that_was_never_there_is_said_to_be_away() -> None:
    async with enqueuing("unix:///tmp/there-is-no-such-socket.sock") as enqueuer:
        with pytest.raises(QueueUnavailable, match="not reachable"):
            await put(enqueuer, make_event())


async def test_a_flush_that_breaks_is_refused_and_costs_no_flight(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    broken = Packed("evt_broken", b"{}", "text where bytes belong", "shop", 1)
    with capture_logs():
        for _ in range(FLIGHTS * 2):
            with pytest.raises(QueueUnavailable, match="fault"):
                await enqueuer.put(broken)
    event_id = await put(enqueuer, make_event())
    assert await queued_ids(redis) == [event_id]
