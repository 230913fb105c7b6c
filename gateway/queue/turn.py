"""Turn: what one worker at a time does, however many there are.

Takes a name, gives the turn, ours or not: a key that only one can set, and that goes by itself when its
holder dies. A courtesy that spares work, not a lock: what it guards must bear being done by two.
"""

import secrets as random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

_TURN = "hookwright:turn:"


@dataclass(slots=True)
class Turn:
    redis: Redis
    key: str
    holder: str
    seconds: int
    is_ours: bool

    async def extend(self) -> None:
        """Keep it for as long again, unless it has gone to another one meanwhile."""
        held = await self.redis.get(self.key)
        self.is_ours = held is not None and held.decode() == self.holder
        if self.is_ours:
            await self.redis.expire(self.key, self.seconds)


@asynccontextmanager
async def take_turn(redis: Redis, name: str, *, seconds: int) -> AsyncIterator[Turn]:
    """Take the turn if nobody has it; it ends with the block, or after `seconds` without `extend`."""
    key, holder = _TURN + name, random.token_hex(8)
    turn = Turn(redis, key, holder, seconds, bool(await redis.set(key, holder, nx=True, ex=seconds)))
    try:
        yield turn
    finally:
        if turn.is_ours:
            await redis.delete(key)
