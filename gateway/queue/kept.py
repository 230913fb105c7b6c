"""Kept: requests that are no events, in capped lists of Redis, one a source and kind.

`rejected`: not genuine, or authenticate broke; `sample`: came to a source that has no script yet, or captures. They
stay out of the queue, are cut short, and are the first to go: strangers must not fill anything.
"""

import base64
from collections.abc import Awaitable, Collection
from typing import Any, Literal, cast

import orjson
from redis.asyncio import Redis

from gateway.ids import first_event_id_at

Kind = Literal["rejected", "sample"]

KEPT_MAX: dict[Kind, int] = {"rejected": 1000, "sample": 100}
BODY_BYTES_MAX = 64 * 1024
SECONDS_MAX = 7 * 24 * 3600


def kept_key(kind: Kind, source: str) -> str:
    return f"hookwright:{kind}:{source}"


async def keep(
    redis: Redis, kind: Kind, source: str, *, request_id: str, reason: str, head: bytes, body: bytes
) -> None:
    """Put a request at the head of its list and let the oldest fall off."""
    entry = orjson.dumps(
        {
            "id": request_id,
            "reason": reason,
            "head": orjson.Fragment(head),
            "body": base64.b64encode(body[:BODY_BYTES_MAX]).decode(),
            "is_cut": len(body) > BODY_BYTES_MAX,
        }
    )
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.lpush(kept_key(kind, source), entry)
        pipeline.ltrim(kept_key(kind, source), 0, KEPT_MAX[kind] - 1)
        pipeline.expire(kept_key(kind, source), SECONDS_MAX)
        await pipeline.execute()


async def take_capture_place(redis: Redis, source: str, until: int, places: int) -> bool:
    """Take one of the places of a capture (which is known by when it ends); False where all are taken."""
    key = capture_key(source, until)
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.incr(key)
        pipeline.pexpireat(key, until // 1000 + SECONDS_MAX * 1000)
        taken, _ = await pipeline.execute()
    return int(taken) <= places


async def count_captured(redis: Redis, source: str, until: int) -> int:
    """Count the requests that a capture has asked a place for; past its places they went the usual way."""
    return int(await redis.get(capture_key(source, until)) or 0)


def capture_key(source: str, until: int) -> str:
    return f"hookwright:captured:{source}:{until}"


async def forget_kept(redis: Redis, kind: Kind, source: str, request_ids: Collection[str]) -> None:
    """Take kept requests off their list: they have become events."""
    for entry in await cast("Awaitable[list[bytes]]", redis.lrange(kept_key(kind, source), 0, -1)):
        if orjson.loads(entry)["id"] in request_ids:
            await cast("Awaitable[int]", redis.lrem(kept_key(kind, source), 1, entry.decode()))


async def drop_kept(redis: Redis, kind: Kind) -> None:
    """Forget all of a kind, of every source: what strangers left goes before anybody genuine is sent away."""
    async for key in redis.scan_iter(match=kept_key(kind, "*"), count=1000):
        await redis.unlink(key)


async def drop_old_kept(redis: Redis, now: int) -> None:
    """Forget what is older than seven days (`now`: microseconds): a list lives on as long as something is added."""
    first_to_stay = first_event_id_at(now - SECONDS_MAX * 1_000_000)
    for kind in KEPT_MAX:
        async for key in redis.scan_iter(match=kept_key(kind, "*"), count=1000):
            while (oldest := await cast("Awaitable[bytes | None]", redis.lindex(key, -1))) is not None:
                if orjson.loads(oldest)["id"] >= first_to_stay:
                    break
                await cast("Awaitable[int]", redis.lrem(key, -1, oldest.decode()))


async def list_kept(redis: Redis, kind: Kind, source: str, limit: int = 50) -> list[dict[str, Any]]:
    """Give the newest kept requests: id, reason, head, body (base64, cut at 64 KiB)."""
    entries = await cast("Awaitable[list[bytes]]", redis.lrange(kept_key(kind, source), 0, limit - 1))
    return [orjson.loads(entry) for entry in entries]
