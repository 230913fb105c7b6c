"""Tries: when an event was tried to be applied, how long that took, and what stood in the way.

Takes tries, gives the JSON that lies on the event and what people read. Only the newest are kept, as many
as a person reads; the count is exact. Never says what became of the event: that is its ruling's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.clock import iso
from gateway.store.documents import clean, dump, load

TRIES_MAX = 20


class Try(NamedTuple):
    """One attempt: microseconds since 1970, how long its transaction had taken, and why it came to nothing."""

    at: int
    ms: float
    error: str | None = None


@dataclass(slots=True)
class Tries:
    count: int = 0
    newest: list[Try] = field(default_factory=list)

    def add(self, *tries: Try) -> None:
        self.count += len(tries)
        self.newest = [*self.newest, *tries][-TRIES_MAX:]

    def join(self, later: "Tries") -> None:
        self.count += later.count
        self.newest = [*self.newest, *later.newest][-TRIES_MAX:]

    def dump(self) -> str | None:
        return clean(dump(self.newest)) if self.newest else None


def read_tries(count: int, text: str | None) -> Tries:
    return Tries(count, [Try(*one) for one in load(text)] if text else [])


def show_tries(text: str | None) -> list[dict[str, Any]]:
    """Give the tries on an event as people read them, oldest first."""
    return [{"at": iso(one.at), "ms": one.ms, "error": one.error} for one in read_tries(0, text).newest]


@dataclass(frozen=True, slots=True)
class Failures:
    """The tries of a batch that left nothing behind: those of all its events, and of single ones before they met."""

    shared: Tries = field(default_factory=Tries)
    own: Mapping[str, Tries] = field(default_factory=dict)

    def copy(self) -> "Failures":
        """Give the same for one half of a batch: what fails there is not the other half's."""
        return Failures(Tries(self.shared.count, list(self.shared.newest)), self.own)

    def of(self, event_id: str) -> Sequence[Tries]:
        return [tries for tries in (self.own.get(event_id), self.shared) if tries is not None and tries.count]
