"""What the queue has lost is parked with the reason, and nothing that is stored is touched."""

from typing import Any

import pytest
from desk_of_jobs import Desk, visit

from gateway.event import Lane
from gateway.ids import mint_event_id
from gateway.metrics import NOBODY
from gateway.queue import strays
from gateway.queue.enqueue import transaction
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.orphans import Orphans
from gateway.queue.parcel import join_events, pack_event
from gateway.queue.pending import find_pending, pending_note
from gateway.queue.retake import send
from gateway.worker.orphans import REASON, Orphanage


async def test_a_lost_event_is_failed_with_its_reason_and_waits_no_longer(desk: Desk, lines: list[Any]) -> None:
    event_id, replay_id = mint_event_id(), mint_event_id()
    for lost in (event_id, replay_id):
        await desk.redis.hset(PENDING, lost, pending_note("queued", "shop"))
    orphanage = Orphanage(desk.redis, desk.writer)
    await orphanage.take_in(
        {
            event_id: {"status": "queued", "source": "shop", "key_id": "key_1"},
            replay_id: {"status": "queued", "source": None},
        }
    )
    found = desk.event(event_id) or {}
    assert (found["status"], found["stage"], found["reason"]) == ("failed", "queue", REASON)
    assert found["key_id"] == "key_1", "whose it was: the key that posted it may ask what became of it"
    assert desk.event(replay_id) is None
    assert [await find_pending(desk.redis, lost) for lost in (event_id, replay_id)] == [None, None]
    (said,) = [line for line in lines if line["event"] == "events_lost_by_the_queue"]
    assert said["ids"] == sorted([event_id, replay_id])


async def test_an_event_that_is_stored_stays_as_it_is(desk: Desk) -> None:
    event = visit("stored@example.com")
    await desk.writer.apply([event], Lane.LIVE)
    await desk.redis.hset(PENDING, event.id, pending_note("queued", "shop"))
    await Orphanage(desk.redis, desk.writer).take_in({event.id: {"status": "queued", "source": "shop"}})
    assert desk.status(event) == "applied"
    assert await find_pending(desk.redis, event.id) is None


async def test_a_job_that_lost_its_place_is_put_back_and_nothing_is_parked(
    desk: Desk, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays, "CLOCKS_APART_MS", -1000)
    event = visit("stray@example.com")
    notes = [(event.id, pending_note("queued", "shop"))]
    await send(desk.redis, transaction(Lane.LIVE, [join_events([pack_event(event)])], notes))
    (job_id,) = await desk.redis.zrange(queue_name(Lane.LIVE), 0, -1)
    orphanage, orphans = Orphanage(desk.redis, desk.writer), Orphans(desk.redis)
    await orphanage.once(orphans)
    await desk.redis.zrem(queue_name(Lane.LIVE), job_id)
    for _ in range(3):
        await orphanage.once(orphans)
    assert await desk.redis.zrange(queue_name(Lane.LIVE), 0, -1) == [job_id]
    assert desk.status(event) is None
    assert await find_pending(desk.redis, event.id)
    (said,) = [line for line in lines if line["event"] == "jobs_put_back_that_arq_lost"]
    assert (said["count"], said["ids"]) == (1, [job_id.decode()])
    assert orphanage.observer.metrics.series[NOBODY]["retries:job_lost_its_place"] == 1


async def test_nothing_lost_writes_nothing(desk: Desk) -> None:
    with desk.counting_commits() as commits:
        await Orphanage(desk.redis, desk.writer).take_in({})
    assert commits == []
