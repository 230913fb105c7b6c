"""Readiness: when may Valkey, the gateway and the worker be called ready?

Takes addresses, returns when the answer is yes. It never gives up: whoever waits also watches the
processes, and stops waiting when one of them dies.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.queue.keys import WORKER_HEARTBEAT

POLL_SECONDS = 0.02
# A request that hangs is asked again: the server may have been half awake.
REQUEST_SECONDS = 2.0
_ANSWER_BYTES = len(b"HTTP/1.1 200")

Beats = frozenset[tuple[bytes, bytes | None]]


async def wait_for_redis(redis: Redis) -> None:
    """Return when Redis answers: it exists, and has read its file (a long one takes a while)."""

    async def answers() -> bool:
        try:
            return bool(await redis.ping())
        except (RedisError, OSError):
            return False

    await _poll(answers)


async def wait_for_http(url: str) -> None:
    """Return when a GET of this URL is answered 200."""
    await _poll(lambda: _is_ok(url))


async def _is_ok(url: str) -> bool:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readexactly(_ANSWER_BYTES)).endswith(b" 200")
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def read_beats(redis: Redis) -> Beats:
    """Give the heartbeats of all workers: what `wait_for_new_beat` compares with."""
    keys = [key async for key in redis.scan_iter(f"{WORKER_HEARTBEAT}*")]
    return frozenset(zip(keys, await redis.mget(keys), strict=True)) if keys else frozenset()


async def wait_for_new_beat(redis: Redis, before: Beats) -> None:
    """Return when a worker has told of itself since `before`: a dead one's last word does not count."""

    async def is_new() -> bool:
        return bool(await read_beats(redis) - before)

    await _poll(is_new)


async def _poll(ask: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await ask():
            return
        await asyncio.sleep(POLL_SECONDS)
