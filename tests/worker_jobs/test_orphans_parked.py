"""What the queue has lost is parked with the reason, and nothing that is stored is touched."""

from typing import Any

from desk_of_jobs import Desk, visit

from gateway.event import Lane
from gateway.ids import mint_event_id
from gateway.queue.keys import PENDING
from gateway.queue.pending import find_pending, pending_note
from gateway.worker.orphans import REASON, Orphanage


async def test_a_lost_event_is_failed_with_its_reason_and_waits_no_longer(desk: Desk, lines: list[Any]) -> None:
    event_id, replay_id = mint_event_id(), mint_event_id()
    for lost in (event_id, replay_id):
        await desk.redis.hset(PENDING, lost, pending_note("queued", "shop"))  # type: ignore[arg-type,misc]
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
    await desk.redis.hset(PENDING, event.id, pending_note("queued", "shop"))  # type: ignore[arg-type,misc]
    await Orphanage(desk.redis, desk.writer).take_in({event.id: {"status": "queued", "source": "shop"}})
    assert desk.status(event) == "applied"
    assert await find_pending(desk.redis, event.id) is None


async def test_nothing_lost_writes_nothing(desk: Desk) -> None:
    with desk.counting_commits() as commits:
        await Orphanage(desk.redis, desk.writer).take_in({})
    assert commits == []
