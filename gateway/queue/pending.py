"""Pending: ids that were answered and are not committed yet, so that none of them is ever 404.

One hash answers for all of them; a set a source counts those of each, for the limit of its queue. Both
are written with the flush and cleared together: a flush that is sent twice counts once.
"""

from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.queue.keys import PENDING, PENDING_OF

# Ids by the source in whose queue they count. Replays count in none: people ask for them.
Waiting = Mapping[str, Sequence[str]]
NOTHING: Waiting = MappingProxyType({})


def pending_note(status: str, source: str | None, key_id: str | None = None) -> bytes:
    """Say what an id is until the worker has committed it, and which API key may ask for it as its own."""
    note = {"status": status, "source": source}
    return orjson.dumps(note if key_id is None else note | {"key_id": key_id})


async def find_pending(redis: Redis, event_id: str) -> dict[str, Any] | None:
    note = await cast("Awaitable[bytes | None]", redis.hget(PENDING, event_id))
    return {"id": event_id, **orjson.loads(note)} if note else None


async def clear_pending(redis: Redis, event_ids: Sequence[str], waiting: Waiting = NOTHING) -> None:
    """Forget ids that are committed: from now on the database answers for them, and their source has room."""
    if not event_ids:
        return
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hdel(PENDING, *event_ids)
        for source, gone in waiting.items():
            pipeline.srem(PENDING_OF + source, *gone)
        await pipeline.execute()


async def count_pending(redis: Redis, sources: Sequence[str]) -> dict[str, int]:
    """Count the events of each of these sources that wait."""
    async with redis.pipeline(transaction=False) as pipeline:
        for source in sources:
            pipeline.scard(PENDING_OF + source)
        return dict(zip(sources, await pipeline.execute(), strict=True))


def by_source(events: Iterable[tuple[str, str]]) -> Waiting:
    """Gather ids, each given with its source."""
    gathered: dict[str, list[str]] = defaultdict(list)
    for event_id, source in events:
        gathered[source].append(event_id)
    return gathered
