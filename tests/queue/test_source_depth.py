"""How many events of a source wait: exact, also where a flush is sent twice."""

from arq.connections import ArqRedis
from own_valkey import make_event, pack, put

from gateway.event import Lane
from gateway.queue.enqueue import Enqueuer, transaction
from gateway.queue.flight import Flight
from gateway.queue.keys import PENDING, PENDING_OF
from gateway.queue.parcel import Replay
from gateway.queue.pending import by_source, clear_pending, count_pending
from gateway.queue.retake import enqueue_replays


async def test_events_are_counted_by_their_source(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    for _ in range(3):
        await put(enqueuer, make_event())
    await enqueuer.put(*(pack(make_event()) for _ in range(300)))
    assert await count_pending(redis, ["shop", "nobody"]) == {"shop": 303, "nobody": 0}
    assert await count_pending(redis, []) == {}


async def test_a_flush_that_is_sent_again_counts_once(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    commands = transaction(Lane.LIVE, [b"parcel"], [("evt_1", b"{}")], {"shop": ["evt_1"], "other": ["evt_2"]})
    flight = Flight(redis.connection_pool)
    for _ in range(3):
        await flight.send_until_known(commands)
    assert await count_pending(redis, ["shop", "other"]) == {"shop": 1, "other": 1}


async def test_what_is_cleared_is_counted_no_more_and_leaves_nothing(enqueuer: Enqueuer, redis: ArqRedis) -> None:
    event_ids = [await put(enqueuer, make_event()) for _ in range(3)]
    for _ in range(2):  # also when it is cleared again, after a job that ran twice
        await clear_pending(redis, event_ids[:2], by_source((event_id, "shop") for event_id in event_ids[:2]))
        assert await count_pending(redis, ["shop"]) == {"shop": 1}
    await clear_pending(redis, event_ids, by_source((event_id, "shop") for event_id in event_ids))
    assert await redis.exists(PENDING, f"{PENDING_OF}shop") == 0


async def test_a_replay_counts_in_nobodys_queue(redis: ArqRedis) -> None:
    await enqueue_replays(redis, [Replay("evt_2", "evt_1")])
    assert await redis.keys(f"{PENDING_OF}*") == []
    await clear_pending(redis, ["evt_2"])
    assert await redis.exists(PENDING) == 0
