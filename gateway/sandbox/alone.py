"""Alone: turns of the requests that have a child to themselves, because it may grow large.

Takes the source of each, gives a turn: one a source, two in all. Whoever has waited for long is sent away, where
senders wait for an answer. Never looks at what a request says.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from gateway.sandbox.channel import waited_too_long

# Each may grow to sixteen times its body.
_AT_ONCE = 2


class Alone:
    def __init__(self, wait_seconds: float | None) -> None:
        """`wait_seconds`: for a turn; None: for ever."""
        self._wait_seconds = wait_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._turns_of_source: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[None]:
        """Wait for a turn: first within the source, then within all. Raises SandboxUnavailable."""
        own = self._turns_of_source.setdefault(source, asyncio.Lock())
        async with AsyncExitStack() as stack:
            await self._take(stack, own)
            yield

    async def _take(self, stack: AsyncExitStack, own: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await stack.enter_async_context(own)
                await stack.enter_async_context(self._turns)
        except TimeoutError:
            raise waited_too_long(self._wait_seconds or 0) from None
