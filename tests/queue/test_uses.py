"""When a key was used last: told once a minute and key, and never in anybody's way."""

import asyncio
import time

import pytest
from arq.connections import ArqRedis
from own_valkey import OwnValkey
from redis.asyncio import Redis
from running import PATIENCE_SECONDS

from gateway import clock
from gateway.queue.connect import open_redis
from gateway.queue.keys import KEY_USES
from gateway.queue.uses import EVERY_MICROSECONDS, KeyUses, read_key_uses

NOON = 1_800_000_000_000_000


async def told(redis: Redis, key_id: str) -> int:
    """Wait until Redis has heard of a key."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (at := (await read_key_uses(redis)).get(key_id)):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.01)
    return at


async def test_a_use_is_told_once_a_minute_and_key(redis: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    uses, at = KeyUses(redis), NOON
    monkeypatch.setattr(clock, "now", lambda: at)
    for _ in range(3):
        uses.note("key_a")
        uses.note("key_b")
    assert await told(redis, "key_a") == await told(redis, "key_b") == NOON
    at = NOON + EVERY_MICROSECONDS - 1
    await redis.delete(KEY_USES)
    uses.note("key_a")
    at += 1
    uses.note("key_b")
    assert await told(redis, "key_b") == NOON + EVERY_MICROSECONDS
    assert "key_a" not in await read_key_uses(redis), "not a minute yet"


async def test_who_uses_a_key_does_not_wait_for_a_redis_that_is_frozen_or_gone(own_valkey: OwnValkey) -> None:
    redis = open_redis(own_valkey.url)
    uses = KeyUses(redis)
    uses.note("key_a")
    await told(redis, "key_a")
    own_valkey.freeze()
    uses.note("key_frozen")
    own_valkey.thaw()
    await told(redis, "key_frozen")
    own_valkey.kill()
    uses.note("key_gone")
    while uses._telling:
        await asyncio.sleep(0.01)
    own_valkey.start()
    uses.note("key_back")
    await told(redis, "key_back")
    assert "key_gone" not in await read_key_uses(redis), "it is told with one of the next minute"
    await redis.aclose()
    await redis.connection_pool.disconnect()
