"""Replays by the hundred: piece by piece, each once, and none of them holds up the others."""

import asyncio
import time

import pytest
from running import PATIENCE_SECONDS, WORD, Running

from gateway.event import Lane
from gateway.ids import mint_event_id
from gateway.queue.keys import PENDING, queue_name
from gateway.queue.parcel import Replay
from gateway.queue.retake import enqueue_replays
from gateway.worker import replays

pytestmark = pytest.mark.asyncio(loop_scope="session")
COUNT = replays.AT_ONCE * 2 + 3


async def post_all(running: Running, source: str) -> list[str]:
    """Post one event a person and wait until all are applied."""
    answers = [
        await running.http.post(f"/in/{source}", json={"email": f"n{n}@{source}.example", "visits": n}, headers=WORD)
        for n in range(COUNT)
    ]
    ids = [str(answer.json()["id"]) for answer in answers]
    for event_id in ids:
        await running.event(event_id, "applied")
    return ids


async def until_bulk_is_empty(running: Running) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while await running.op.redis.zcard(queue_name(Lane.BULK)):
        assert time.monotonic() < give_up_at, "the replays do not end"
        await asyncio.sleep(0.01)


async def test_a_request_that_is_gone_keeps_no_other_replay_from_being_run(running: Running) -> None:
    await running.add_source("replays-gone")
    ids = await post_all(running, "replays-gone")
    chosen = [Replay(mint_event_id(), root) for root in ids]
    of_nothing = Replay(mint_event_id(), mint_event_id())
    await enqueue_replays(running.op.redis, [*chosen[:5], of_nothing, *chosen[5:]])
    for replay in chosen:
        assert (await running.event(replay.id, "applied"))["replay_of"] == replay.replay_of
    await until_bulk_is_empty(running)
    assert not await running.op.redis.hexists(PENDING, of_nothing.id)


async def test_replays_that_are_taken_again_are_not_run_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.add_source("replays-again")
    ids = await post_all(running, "replays-again")
    chosen = [Replay(mint_event_id(), root) for root in ids]
    await enqueue_replays(running.op.redis, chosen)
    for replay in chosen:
        await running.event(replay.id, "applied")
    await until_bulk_is_empty(running)
    # Without a sandbox: whoever runs a script now fails, and is tried for ever.
    monkeypatch.setattr(replays, "judge", None)
    await enqueue_replays(running.op.redis, chosen)  # as after a crash between commit and the end of the job
    await until_bulk_is_empty(running)
    assert not [replay for replay in chosen if await running.op.redis.hexists(PENDING, replay.id)]
    for replay in chosen:
        assert (await running.event(replay.id))["status"] == "applied"
