"""Pending: ids that were answered and are not committed yet, so that none of them is ever 404."""

from collections.abc import Awaitable, Sequence
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.queue.keys import PENDING


def pending_note(status: str, source: str | None) -> bytes:
    """Say what an id is until the worker has committed it."""
    return orjson.dumps({"status": status, "source": source})


async def find_pending(redis: Redis, event_id: str) -> dict[str, Any] | None:
    note = await cast("Awaitable[bytes | None]", redis.hget(PENDING, event_id))
    return {"id": event_id, **orjson.loads(note)} if note else None


async def clear_pending(redis: Redis, event_ids: Sequence[str]) -> None:
    """Forget ids that are committed: from now on the database answers for them."""
    if event_ids:
        await cast("Awaitable[int]", redis.hdel(PENDING, *event_ids))
