"""Rates: how many a minute. Counted in Redis, so that several gateways count together.

Takes the name of a limit, whom it holds for and how many a minute; says whether there is room, and when
there is again. The minute begins with the first request that is counted in it. While Redis is away each
gateway counts for itself: the door is neither open to all nor shut to all. Never counts where no limit is set.
"""

import asyncio
import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.errors import TooMany
from gateway.metrics import NOBODY, Metrics

WINDOW_SECONDS = 60
REDIS_SECONDS = 1.0
_FULL_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit by the minute: its name, in answers and figures, and what a sender is told."""

    name: str
    told: str


STRANGER = Limit("stranger-refusals", "too many requests from this address were refused")
SOURCE = Limit("source-requests", "this source takes no more requests in this minute")
KEY = Limit("key-requests", "this API key takes no more requests in this minute")


class Rates:
    """Counts, and remembers who is past a limit until their minute is over."""

    def __init__(self, redis: Redis, metrics: Metrics) -> None:
        # The address is never used where a pool is given; the library asks for one.
        shared = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="hookwright:rate",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type] # the library's hint forgets it
        )
        self._shared = FixedWindowRateLimiter(shared)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._metrics = metrics
        self._full: dict[tuple[str, str], float] = {}

    def require_room(self, limit: Limit, who: str, per_minute: int, source: str = NOBODY) -> None:
        """Raise TooMany for who is known to be past the limit. Asks nobody, counts nothing."""
        until = self._full.get((limit.name, who))
        if until is None:
            return
        seconds = until - time.time()
        if seconds <= 0:
            del self._full[limit.name, who]
            return
        self._metrics.count("limited", limit.name, source)
        raise TooMany(
            f"{limit.told}: {per_minute} a minute",
            limit=limit.name,
            quota=per_minute,
            window_seconds=WINDOW_SECONDS,
            retry_after_seconds=max(1, math.ceil(seconds)),
        )

    async def take(self, limit: Limit, who: str, per_minute: int, source: str = NOBODY) -> None:
        """Count one. Raises TooMany past the limit."""
        self.require_room(limit, who, per_minute, source)
        await self.count(limit, who, per_minute)
        self.require_room(limit, who, per_minute, source)

    async def count(self, limit: Limit, who: str, per_minute: int, count: int = 1) -> None:
        """Count some; past the limit, remember until when."""
        item = RateLimitItemPerMinute(per_minute)
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                until = await _until(self._shared, item, limit.name, who, count)
        except (RedisError, OSError):  # TimeoutError is one
            until = await _until(self._own, item, limit.name, who, count)
        if until is not None and len(self._full) < _FULL_MAX:
            self._full[limit.name, who] = until

    def is_anybody_full(self) -> bool:
        return bool(self._full)

    def forget_past(self) -> None:
        """Forget whose minute is over."""
        now = time.time()
        for key in [key for key, until in self._full.items() if until <= now]:
            del self._full[key]


async def _until(
    limiter: FixedWindowRateLimiter, item: RateLimitItemPerMinute, name: str, who: str, count: int
) -> float | None:
    """Count; None where there was room, else when the minute is over."""
    if await limiter.hit(item, name, who, cost=count):
        return None
    return (await limiter.get_window_stats(item, name, who)).reset_time
