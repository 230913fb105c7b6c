"""Bulk: events that a person brings, in the lane behind live traffic, a few jobs at a time.

Takes events that are complete. Holds back who brings them while enough of them wait: the queue is for what
comes from outside, and a file is not lost by waiting.
"""

from collections.abc import Awaitable, Sequence
from typing import cast

from redis.asyncio import Redis

from gateway.event import Event, Lane
from gateway.queue.enqueue import FLUSH_BYTES_MAX, FLUSH_EVENTS_MAX, transaction
from gateway.queue.keys import PENDING, WORKER_HEARTBEAT, queue_name
from gateway.queue.parcel import join_events, pack_event
from gateway.queue.pending import pending_note
from gateway.queue.retake import send

BULK_EVENTS_MAX, BULK_BYTES_MAX = FLUSH_EVENTS_MAX, FLUSH_BYTES_MAX
# With one at work and the next ones at hand a worker never waits; more would only fill the memory of Redis.
JOBS_WAITING_MAX = 8


async def enqueue_bulk(redis: Redis, events: Sequence[Event]) -> None:
    """Put events into one job of the bulk lane; their ids are known as queued from now on."""
    parcel = join_events([pack_event(event) for event in events])
    notes = [(event.id, pending_note(event.status.value, event.source, event.key_id)) for event in events]
    await send(redis, transaction(Lane.BULK, [parcel], notes))


async def has_room(redis: Redis) -> bool:
    return int(await redis.zcard(queue_name(Lane.BULK))) < JOBS_WAITING_MAX


async def is_anybody_working(redis: Redis) -> bool:
    async for _ in redis.scan_iter(f"{WORKER_HEARTBEAT}*"):
        return True
    return False


async def find_pending_ids(redis: Redis, event_ids: Sequence[str]) -> set[str]:
    """Give those of the ids that are queued and not committed yet."""
    if not event_ids:
        return set()
    notes = await cast("Awaitable[list[bytes | None]]", redis.hmget(PENDING, list(event_ids)))
    return {event_id for event_id, note in zip(event_ids, notes, strict=True) if note is not None}
