"""Stats: the counters of all gateways and workers, over time, in Redis.

Takes what was added since it was last told, and gives it back by moments: ten seconds of the last quarter of
an hour, minutes of the last hour, five minutes of the last day, hours of the last week, for each source and
for all together; and as totals since ever. A moment goes by itself when its span is over, and one without
traffic is never written, so a source that is busy all week holds about 600 small hashes (250 KiB).

A pipeline whose outcome is unknown is told again: figures may then count a few seconds twice. Events are not
counted from here.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from gateway.metrics import NOBODY, Counters, Series
from gateway.queue.keys import LAST_REQUESTS, STATS, TOTALS

# All sources together; no source can have this name.
EVERYBODY = "*"
# What is kept by moments; the rest (scripts, batches, refusals) is told as totals.
_BY_MOMENT = ("requests", "ack", "applied", "lag")


@dataclass(frozen=True, slots=True)
class Span:
    """How far back, and in how many moments of how many seconds."""

    name: str
    seconds: int
    moments: int

    @property
    def keep_seconds(self) -> int:
        return self.seconds * (self.moments + 1)


SPANS = {
    span.name: span for span in (Span("15m", 10, 90), Span("1h", 60, 60), Span("24h", 300, 288), Span("7d", 3600, 168))
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What was counted in the seconds from `at` (unix)."""

    at: int
    counters: Counters


async def add_stats(redis: Redis, source: str, counters: Counters, now: float) -> None:
    """Add what one source, or EVERYBODY, has counted since it was last told."""
    by_moment = {name: count for name, count in counters.items() if name.partition(":")[0] in _BY_MOMENT}
    async with redis.pipeline(transaction=False) as pipeline:
        for name, count in counters.items() if source != EVERYBODY else ():
            pipeline.hincrby(TOTALS + source, name, count)
        for span in SPANS.values() if by_moment else ():
            key = _key(span, source, int(now // span.seconds))
            for name, count in by_moment.items():
                pipeline.hincrby(key, name, count)
            pipeline.expire(key, span.keep_seconds)
        if source not in (NOBODY, EVERYBODY) and any(name.startswith("requests:") for name in counters):
            pipeline.hset(LAST_REQUESTS, source, str(round(now, 3)))
        await pipeline.execute()


async def read_moments(redis: Redis, source: str, span: Span, now: float) -> list[Moment]:
    """Give the moments of a span, oldest first, also those without traffic; the last one is not over yet."""
    last = int(now // span.seconds)
    numbers = range(last - span.moments + 1, last + 1)
    async with redis.pipeline(transaction=False) as pipeline:
        for number in numbers:
            pipeline.hgetall(_key(span, source, number))
        read = await pipeline.execute()
    return [Moment(number * span.seconds, _counters(found)) for number, found in zip(numbers, read, strict=True)]


async def read_totals(redis: Redis) -> Series:
    """Give the counters since ever, by source; what belongs to none under NOBODY."""
    sources = [NOBODY, *await read_last_requests(redis)]
    async with redis.pipeline(transaction=False) as pipeline:
        for source in sources:
            pipeline.hgetall(TOTALS + source)
        read = await pipeline.execute()
    return {source: _counters(found) for source, found in zip(sources, read, strict=True)}


async def read_last_requests(redis: Redis) -> dict[str, float]:
    """Give when each source heard of its sender last (unix seconds)."""
    found = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(LAST_REQUESTS))
    return {name.decode(): float(at) for name, at in found.items()}


def _key(span: Span, source: str, number: int) -> str:
    return f"{STATS}{span.name}:{source}:{number}"


def _counters(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(count) for name, count in found.items()}
