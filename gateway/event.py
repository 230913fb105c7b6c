"""Event: one accepted request with what the script made of it, as it goes from the gateway to the worker.

It is immutable and complete: the raw request, the verdict, the actions as bytes. Whoever holds it can
apply it, or keep it for a person, without asking anybody.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, TypeVar

# What the sandbox takes from a request; other ways in (an API call, an import) may bring more.
UNIQUE_KEY_MAX = 256
# What one transaction takes: some 256 orders, or 1,600 contacts. Whoever comes next waits for as long.
WEIGHT_AT_ONCE_MAX = 5_000


class Status(StrEnum):
    """What became of an event. The wording is the same in tables, URLs, log lines and the console."""

    QUEUED = "queued"
    APPLIED = "applied"
    WAITING = "waiting"  # lacks a contact, a list or the leave to merge; another event will bring it
    FAILED = "failed"  # parked: authentic, but a script error or an impossible action; can be replayed
    IGNORED = "ignored"  # authentic, nothing to do
    ANSWERED = "answered"  # a handshake
    DUPLICATE = "duplicate"  # another event of the same delivery counts
    HELD = "held"  # its source is paused
    DISCARDED = "discarded"  # by a person, with a reason


class Lane(StrEnum):
    LIVE = "live"
    BULK = "bulk"  # replays and imports: never in the way of live traffic


@dataclass(frozen=True, slots=True)
class Event:
    """Times are microseconds since 1970 (UTC); `head` and `actions` are JSON bytes, `body` is what came in."""

    id: str
    root: str  # own id, or the first event's for a replay
    source: str
    received_at: int  # the root's, also in a replay: it is part of the clock
    status: Status  # QUEUED (actions to apply), FAILED, IGNORED or ANSWERED: what the gateway knows
    actions: bytes = b"[]"
    head: bytes = b"{}"
    body: bytes = b""
    version_id: str | None = None  # None: posted to the action API, no script
    unique_key: str | None = None  # None: compared with nothing
    occurred_at: int | None = None  # the manifest's default for actions that name no time
    is_authenticated: bool = True
    stage: str | None = None  # of FAILED: load, transform, validate, apply
    reason: str | None = None  # of FAILED and IGNORED, in words
    trace: str | None = None  # JSON: the script's own lines
    logs: str = ""
    key_id: str | None = None  # of an API event
    edited_from: str | None = None  # the event whose edited copy this is
    bulk_id: str | None = None  # of a replay: the bulk job that made it

    @property
    def weight(self) -> int:
        """How much there is to apply, roughly: the objects in its actions. No spelling hides a bracket."""
        return 1 + self.actions.count(b"{")

    @property
    def is_replay(self) -> bool:
        return self.id != self.root

    @property
    def delivery(self) -> str:
        """What the sender told once: its redeliveries share the unique key, its replays the root.

        API keys do not see each other's unique keys. One that is too long for an index is compared by its hash.
        """
        if self.unique_key is None:
            return self.root
        scope = f"{self.source}:{self.key_id}" if self.key_id else self.source
        key = self.unique_key
        if len(key) > UNIQUE_KEY_MAX:
            key = sha256(key.encode(errors="replace")).hexdigest()
        return f"{scope}\n{key}"

    @property
    def rank(self) -> tuple[bool, str]:
        """Which event of a delivery counts: the highest rank. The newest replay, else the lowest original."""
        return (True, self.id) if self.is_replay else (False, _inverted(self.id))


class Weighed(Protocol):
    @property
    def weight(self) -> int: ...


Thing = TypeVar("Thing", bound=Weighed)


def portions(things: Iterable[Thing], count_max: int) -> Iterator[list[Thing]]:
    """Cut into so many at most, and no heavier than what a transaction takes; what is heavier stands alone."""
    portion, weight = list[Thing](), 0
    for thing in things:
        weight += thing.weight
        if portion and (len(portion) == count_max or weight > WEIGHT_AT_ONCE_MAX):
            yield portion
            portion, weight = [], thing.weight
        portion.append(thing)
    if portion:
        yield portion


def _inverted(event_id: str) -> str:
    """Turn the order of ids round: the lowest id gives the highest text."""
    return "".join(chr(0x7F - ord(character)) for character in event_id)
