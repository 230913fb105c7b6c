"""Delivery: which delivery a request is, and when it happened.

Takes the places that a source names (`header:x-webhook-id`, `json:event.id|json:id`), reads them from a
request; gives a key and a time. What is not there or makes no sense is simply not known: it never
makes a request fail.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.toolbox import Request, parse_time

_KEY_CHARACTERS_MAX = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Place = tuple[str, str]


class DeliveryReader:
    """Reads the unique key and the time of a request."""

    def __init__(self, unique_by: str | None, occurred_at: str | None, zone: str | None) -> None:
        self._key_places = _split_places(unique_by)
        self._time_places = _split_places(occurred_at)
        self._zone = zone

    def unique_key(self, request: Request) -> str | None:
        """Give the first key that is there; a very long one as its hash."""
        for place in self._key_places:
            value = _read(place, request)
            key = str(value) if type(value) is int else value
            if type(key) is str and (key := key.strip()):
                return key if len(key) <= _KEY_CHARACTERS_MAX else _digest(key)
        return None

    def occurred_at(self, request: Request) -> int | None:
        """Give the first time that is there and readable, in microseconds since the epoch."""
        for place in self._time_places:
            value = _read(place, request)
            if type(value) in (str, int, float) and (moment := self._parse(value)) is not None:
                return (moment - _EPOCH) // _MICROSECOND
        return None

    def _parse(self, value: Any) -> datetime | None:
        try:
            return parse_time(value, zone=self._zone)
        except (ValueError, TypeError, LookupError):
            return None


def _split_places(places: str | None) -> tuple[Place, ...]:
    pairs = (place.strip().partition(":") for place in (places or "").split("|"))
    return tuple((kind, path) for kind, _, path in pairs if kind in _READERS and path)


def _read(place: Place, request: Request) -> Any:
    kind, path = place
    try:
        return _READERS[kind](request, path)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _read_json(request: Request, path: str) -> Any:
    value = request.json
    for step in path.split("."):
        value = value[int(step)] if type(value) is list else value[step]
    return value


_READERS: dict[str, Callable[[Request, str], Any]] = {
    "header": lambda request, name: request.headers.get(name),
    "query": lambda request, name: request.query.get(name),
    "form": lambda request, name: request.form.get(name),
    "json": _read_json,
}


def _digest(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode(errors="replace")).hexdigest()
