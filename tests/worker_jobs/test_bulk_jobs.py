"""Bulk jobs go on where they were after any end of their worker, and never do a thing twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
import pytest
from desk_of_jobs import Desk, make_event
from running import prepare

from gateway.event import Event, Lane, Status
from gateway.operations import bulk
from gateway.operations.operator import Operator
from gateway.queue.keys import queue_name
from gateway.queue.parcel import Replay, Replays, unpack
from gateway.store.searching import EventFilter
from gateway.worker import bulk as bulk_worker
from gateway.worker.bulk import Bulk


def failing(**values: Any) -> Event:
    event = make_event(body=b"{}", head=b"{}", **values)
    return Event(
        event.id,
        event.root,
        "shop",
        event.received_at,
        Status.FAILED,
        stage="transform",
        reason="KeyError: x",
        **values,
    )


@pytest.fixture
def op(desk: Desk, tmp_path: Any) -> Operator:
    return Operator("test", prepare(tmp_path), desk.store, desk.redis, desk.jobs.registry._sealer)


@pytest.fixture
def worker(desk: Desk) -> Bulk:
    return Bulk(desk.store, desk.redis, desk.jobs.registry, desk.jobs.pool)


async def queued(desk: Desk) -> list[Replay]:
    """Read the replays that wait on the bulk lane, in order."""
    found: list[Replay] = []
    for job_id in await desk.redis.zrange(queue_name(Lane.BULK), 0, -1):
        import msgpack

        payload = msgpack.unpackb(cast(bytes, await desk.redis.get(f"arq:job:{job_id.decode()}")))
        parcel = unpack(payload["a"][0])
        assert isinstance(parcel, Replays)
        found += parcel.replays
    return found


async def begin(desk: Desk, op: Operator, count: int, chosen: EventFilter) -> tuple[list[Event], dict[str, Any]]:
    events = [failing() for _ in range(count)]
    await desk.writer.apply(events, Lane.LIVE)
    return events, await bulk.bulk_create(op, "replay", chosen)


FAILED = EventFilter(sources=("shop",), statuses=("failed",))


async def test_a_job_queues_each_delivery_once_in_steps(desk: Desk, op: Operator, worker: Bulk) -> None:
    events, job = await begin(desk, op, 300, FAILED)
    await worker.work_off()
    replays = await queued(desk)
    assert [replay.replay_of for replay in replays] == [event.id for event in events]
    assert {replay.bulk_id for replay in replays} == {job["id"]}
    shown = await bulk.load_bulk(op, job["id"])
    assert (shown["state"], shown["done"], shown["result"]) == ("done", 300, {"queued": 300})
    await worker.work_off()
    assert len(await queued(desk)) == 300


@pytest.mark.parametrize("is_queued", [True, False], ids=["after queueing", "before queueing"])
async def test_a_worker_that_dies_in_a_step_leaves_a_plan_that_the_next_one_carries_out(
    desk: Desk, op: Operator, worker: Bulk, monkeypatch: pytest.MonkeyPatch, is_queued: bool
) -> None:
    events, job = await begin(desk, op, 5, FAILED)
    real: Callable[..., Awaitable[None]] = bulk_worker.enqueue_replays

    async def die(*args: Any) -> None:
        if is_queued:
            await real(*args)
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(bulk_worker, "enqueue_replays", die)
        with pytest.raises(asyncio.CancelledError):
            await worker.work_off()
    before = await queued(desk)
    assert len(before) == (5 if is_queued else 0)
    await worker.work_off()
    after = await queued(desk)
    assert {replay.replay_of for replay in after} == {event.id for event in events}
    assert len({replay.id for replay in after}) == 5, "the very same ids: whoever meets one twice applies it once"
    shown = await bulk.load_bulk(op, job["id"])
    assert (shown["state"], shown["done"]) == ("done", 5)


async def test_a_job_that_is_paused_between_two_steps_goes_on_when_it_is_resumed(
    desk: Desk, op: Operator, worker: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_worker, "STEP_DELIVERIES", 2)
    events, job = await begin(desk, op, 5, FAILED)
    real: Callable[..., Awaitable[None]] = bulk_worker.enqueue_replays

    async def pause_then(*args: Any) -> None:
        await bulk.pause_bulk(op, job["id"])
        await real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(bulk_worker, "enqueue_replays", pause_then)
        await worker.work_off()
    assert (await bulk.load_bulk(op, job["id"]))["state"] == "paused"
    assert len(await queued(desk)) == 2
    await bulk.resume_bulk(op, job["id"])
    await worker.work_off()
    assert sorted({replay.replay_of for replay in await queued(desk)}) == [event.id for event in events]


async def test_two_failures_of_one_delivery_are_replayed_once(desk: Desk, op: Operator, worker: Bulk) -> None:
    first, second, other = failing(unique_key="d"), failing(unique_key="d"), failing(unique_key="e")
    await desk.writer.apply([first, second, other], Lane.LIVE)
    assert (await bulk.bulk_count(op, "replay", FAILED))["count"] == 2
    await bulk.bulk_create(op, "replay", FAILED)
    await worker.work_off()
    assert [replay.replay_of for replay in await queued(desk)] == [first.id, other.id]


async def test_a_filter_that_leaves_out_the_older_twin_takes_the_younger(
    desk: Desk, op: Operator, worker: Bulk
) -> None:
    first, second = failing(unique_key="d"), failing(unique_key="d")
    await desk.writer.apply([first, second], Lane.LIVE)
    await bulk.bulk_create(op, "replay", EventFilter(id_prefix=second.id))
    await worker.work_off()
    assert [replay.replay_of for replay in await queued(desk)] == [second.id]


async def test_what_is_in_force_is_taken_up_by_the_root_that_counts(desk: Desk, op: Operator, worker: Bulk) -> None:
    action = {"action": "upsertContact", "identifiers": {"email": "a@example.com"}}
    applied, doubled = make_event(action, unique_key="d"), make_event(action, unique_key="d")
    await desk.writer.apply([applied, doubled], Lane.LIVE)
    everything = EventFilter(sources=("shop",))
    assert (await bulk.bulk_count(op, "replay", everything))["count"] == 1
    await bulk.bulk_create(op, "replay", everything)
    await worker.work_off()
    assert [replay.replay_of for replay in await queued(desk)] == [applied.id]


async def test_a_job_never_meets_what_came_after_it_was_begun(desk: Desk, op: Operator, worker: Bulk) -> None:
    events, _ = await begin(desk, op, 2, FAILED)
    await desk.writer.apply([failing()], Lane.LIVE)
    await worker.work_off()
    assert [replay.replay_of for replay in await queued(desk)] == [event.id for event in events]


async def test_samples_of_a_source_without_a_script_end_the_job_with_the_reason(
    desk: Desk, op: Operator, worker: Bulk
) -> None:
    from gateway.operations import sources

    await sources.add_source(op, "bare")
    await desk.jobs.registry.refresh()
    job = await bulk.bulk_create(op, "process_samples", EventFilter(sources=("bare",)))
    await worker.work_off()
    shown = await bulk.load_bulk(op, job["id"])
    assert (shown["state"], shown["error"]) == ("failed", 'source "bare" has no live script, or is removed')
    assert orjson.dumps(shown)
