"""Turns: what waits for the writer in one lane, and whose turn it is.

Takes work as it comes, gives it out fairly: each piece is of one source, and a source that has given much work
waits until the others have had as much. So whoever has little to do is next. What one source gives stays in order.
"""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from gateway.event import Event, Lane
from gateway.store.pending import Stored


@dataclass(slots=True, eq=False)
class Work:
    """Events of one source: new ones, or stored ones that are taken again."""

    lane: Lane
    source: str
    events: Sequence[Event]
    retaken: Sequence[Stored]
    done: asyncio.Future[None]

    @property
    def event_ids(self) -> list[str]:
        return [*(event.id for event in self.events), *(stored.id for stored in self.retaken)]

    @property
    def size(self) -> int:
        new = sum(len(event.body) + len(event.actions) for event in self.events)
        return new + sum(stored.size for stored in self.retaken)

    @property
    def weight(self) -> int:
        return sum(event.weight for event in self.events) + sum(stored.weight for stored in self.retaken)


@dataclass(slots=True)
class Turns:
    """A clock that counts work given out; each piece is due when its source has had what it gave before."""

    _clock: int = 0
    _given: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[int, int, Work]] = field(default_factory=list)
    _arrivals: "count[int]" = field(default_factory=count)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, work: Work) -> None:
        due = max(self._clock, self._given.get(work.source, 0))
        self._given[work.source] = due + work.weight
        heapq.heappush(self._waiting, (due, next(self._arrivals), work))

    @property
    def next(self) -> Work:
        return self._waiting[0][2]

    def take(self) -> Work:
        self._clock, _, work = heapq.heappop(self._waiting)
        if not self._waiting:
            self._given.clear()  # nobody is ahead of anybody
        return work

    def remove(self, work: Work) -> bool:
        """Take work back; False where it was taken already."""
        left = [entry for entry in self._waiting if entry[2] is not work]
        was_there = len(left) < len(self._waiting)
        self._waiting = left
        heapq.heapify(self._waiting)
        return was_there
