"""Quarantines: which sources are shut, in one hash of Redis: known to every process, and after every restart.

Takes and gives documents by source, at most one a source: the newest. Never takes one away: a quarantine is of one
publication of a script, and over for whoever runs a later one.
"""

from collections.abc import Awaitable
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from gateway.queue.keys import GENERATION_CHANNEL, QUARANTINES

Document = dict[str, Any]


async def tell_quarantine(redis: Redis, source: str, document: Document) -> None:
    """Write one down; who watches the registry hears at once that there is something new."""
    await cast("Awaitable[int]", redis.hset(QUARANTINES, source, orjson.dumps(document).decode()))
    await redis.publish(GENERATION_CHANNEL, f"quarantine {source}")


async def read_quarantines(redis: Redis) -> dict[str, Document]:
    """Give all that were ever told, by source: also those that are over."""
    found = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(QUARANTINES))
    return {source.decode(): orjson.loads(document) for source, document in found.items()}
