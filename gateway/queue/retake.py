"""Retake: jobs of ids alone, on the bulk lane: stored events taken again, replays, and steps of an erasure."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from gateway.event import Lane
from gateway.queue.enqueue import transaction
from gateway.queue.parcel import Erase, Replay, pack_erase, pack_replays, pack_retake
from gateway.queue.pending import pending_note

RETAKE_AT_ONCE = 256


async def enqueue_retake(redis: Redis, event_ids: Sequence[str]) -> None:
    """Have stored events applied that were held, or waited for what is there now; 256 a job."""
    for start in range(0, len(event_ids), RETAKE_AT_ONCE):
        await send(redis, transaction(Lane.BULK, [pack_retake(event_ids[start : start + RETAKE_AT_ONCE])], ()))


async def enqueue_replays(redis: Redis, replays: Sequence[Replay]) -> None:
    """Have the worker run replays; their ids are known as queued from now on."""
    notes = [(replay.id, pending_note("queued", None)) for replay in replays]
    await send(redis, transaction(Lane.BULK, [pack_replays(replays)], notes))


async def enqueue_erase(redis: Redis, erase: Erase) -> None:
    await send(redis, transaction(Lane.BULK, [pack_erase(erase)], ()))


async def send(redis: Redis, commands: list[tuple[Any, ...]]) -> None:
    """Send a transaction that was built as plain commands; the pipeline adds its own MULTI and EXEC."""
    async with redis.pipeline(transaction=True) as pipeline:
        for command in commands[1:-1]:
            pipeline.execute_command(*command)
        await pipeline.execute()
