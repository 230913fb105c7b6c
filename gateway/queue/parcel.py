"""Parcel: what one job carries, as versioned bytes.

Takes events, or ids, and gives bytes; and back. msgpack, never pickle: whoever can write to Redis
must not be able to run code in the worker. A version or kind that this worker does not know raises
UnknownParcel, and the job is left for a worker that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgpack

from gateway.event import Event, Status

VERSION = 1
_EVENTS, _RETAKE, _REPLAY, _ERASE = 0, 1, 2, 3
_FIELDS = tuple(field.name for field in fields(Event))
_STATUS_AT = _FIELDS.index("status")


class UnknownParcel(Exception):
    """Bytes that this program cannot read: written by a newer one, or damaged."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Take an event again from its raw request with the live script, as the event `id`."""

    id: str
    replay_of: str
    bulk_id: str | None = None  # the bulk job that asks for it


@dataclass(frozen=True, slots=True)
class Events:
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Retake:
    """Take stored events again: they were held, or waited for something that is there now."""

    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replays:
    replays: tuple[Replay, ...]


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget a person: one step of it, with what the steps before it came to."""

    id: str
    actor: str
    requested_at: int  # microseconds
    until: str  # the id of an event: later ones are not searched
    identifiers: tuple[tuple[str, str], ...]
    after: str | None = None  # how far the events are searched; None: the ledger comes first
    contacts: int = 0
    effects: int = 0
    events: int = 0


Parcel = Events | Retake | Replays | Erase


def pack_event(event: Event) -> bytes:
    """Write one event: done when it comes in, so that a flush only joins bytes."""
    return _pack(
        (
            event.id,
            event.root,
            event.source,
            event.received_at,
            event.status.value,
            event.actions,
            event.head,
            event.body,
            event.version_id,
            event.unique_key,
            event.occurred_at,
            event.is_authenticated,
            event.stage,
            event.reason,
            event.trace,
            event.logs,
            event.key_id,
            event.edited_from,
            event.bulk_id,
        )
    )


def join_events(packed: Sequence[bytes]) -> bytes:
    """Make the parcel of events that are packed already."""
    return b"".join((_head(_EVENTS), bytes(msgpack.Packer().pack_array_header(len(packed))), *packed))


def pack_retake(event_ids: Sequence[str]) -> bytes:
    return _head(_RETAKE) + _pack(list(event_ids))


def pack_replays(replays: Sequence[Replay]) -> bytes:
    return _head(_REPLAY) + _pack([(replay.id, replay.replay_of, replay.bulk_id) for replay in replays])


def pack_erase(erase: Erase) -> bytes:
    return _head(_ERASE) + _pack([getattr(erase, field.name) for field in fields(Erase)])


def unpack(data: bytes) -> Parcel:
    """Read a parcel. Raises UnknownParcel."""
    if len(data) < 2 or data[0] != VERSION:
        raise UnknownParcel(f"version {data[:1].hex() or 'none'}; this worker reads version {VERSION}")
    try:
        content = msgpack.unpackb(memoryview(data)[2:], use_list=True)
        match data[1]:
            case 0:
                return Events(tuple(_event(values) for values in content))
            case 1:
                return Retake(tuple(content))
            case 2:
                return Replays(tuple(Replay(*values) for values in content))
            case 3:
                erase = Erase(*content)
                return replace(erase, identifiers=tuple((key, value) for key, value in erase.identifiers))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, msgpack.UnpackException) as error:
        raise UnknownParcel(f"damaged: {type(error).__name__}") from None
    raise UnknownParcel(f"kind {data[1]}")


def _event(values: list[Any]) -> Event:
    values[_STATUS_AT] = Status(values[_STATUS_AT])
    return Event(*values)


def _head(kind: int) -> bytes:
    return bytes((VERSION, kind))


def _pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value))
