"""Crowd: how many requests of each source are at work in its sandbox.

Takes the source of each request as it comes and as it goes; refuses one too many, so that the flood of one
source never takes every place of a gateway. Who has a child alone waits for a turn: one a source, two in all.
Never looks at what a request says.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from gateway.errors import SandboxUnavailable

# Each may grow to sixteen times its body.
_ALONE_AT_ONCE = 2


class Crowd:
    """The requests at work, by source."""

    def __init__(self, in_flight_max: int | None) -> None:
        """Let each source have that many at work, unless it has a limit of its own; None: as many as come."""
        self._in_flight_max = in_flight_max
        self._in_flight: dict[str, int] = {}
        self._alone = asyncio.Semaphore(_ALONE_AT_ONCE)
        self._alone_of_source: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def enter(self, source: str, own_max: int | None) -> None:
        """Count one more. Raises SandboxUnavailable for one too many."""
        count = self._in_flight.get(source, 0)
        if self._in_flight_max is not None and count >= (own_max or self._in_flight_max):
            raise SandboxUnavailable(f"{count} requests of {source} are at work already", retry_after_seconds=1)
        self._in_flight[source] = count + 1

    def leave(self, source: str) -> None:
        count = self._in_flight.pop(source) - 1
        if count:
            self._in_flight[source] = count

    @asynccontextmanager
    async def turn_alone(self, source: str) -> AsyncIterator[None]:
        """Wait for a turn with a child alone: first within the source, then within all."""
        own = self._alone_of_source.setdefault(source, asyncio.Lock())
        async with own, self._alone:
            yield
