"""Payloads: does a raw request hold a text, or a value at a path?

Takes the filter and a body with its head, gives yes or no. What the source hides is not found either, unless the
caller may read raw requests: a search must not tell letter by letter what is masked. Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote_plus

import orjson

from gateway.operations.redaction import Rules, redact
from gateway.store.searching import EventFilter

VALUES_MAX = 10_000


class PayloadTest:
    """What a filter asks of payloads, prepared once."""

    def __init__(self, chosen: EventFilter, *, is_raw: bool) -> None:
        self._needles = _spellings(chosen.text) if chosen.text else ()
        self._path = tuple(chosen.path.removeprefix("$.").split(".")) if chosen.path else ()
        self._value = chosen.value
        self._is_raw = is_raw

    def passes(self, head: bytes, body: bytes, rules: Rules) -> bool:
        if not self._holds(body):
            return False
        return self._is_raw or self._holds(redact(head, body, rules).body)

    def _holds(self, body: bytes) -> bool:
        if self._needles:
            lowered = body.lower()
            if not any(needle in lowered for needle in self._needles):
                return False
        return not self._path or self._has_value(body)

    def _has_value(self, body: bytes) -> bool:
        try:
            document = orjson.loads(body)
        except ValueError:
            return False
        found = find_values(document, self._path)
        return any(self._value is None or _text(value) == self._value for value in found)


def _spellings(text: str) -> tuple[bytes, ...]:
    """Write a text as it may stand in a body: as it is, escaped by JSON, in a form. ASCII letters of either case."""
    plain = text.encode(errors="replace")
    in_json = orjson.dumps(text)[1:-1] if _is_clean(text) else plain
    escaped = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text if ord(c) < 0x10000).encode()
    return tuple(dict.fromkeys(form.lower() for form in (plain, in_json, escaped, quote_plus(text).encode()) if form))


def _is_clean(text: str) -> bool:
    return text.encode(errors="replace").decode() == text


def find_values(document: Any, path: Sequence[str]) -> Iterator[Any]:
    """Give what stands at a path: names and places in lists; `*` is any one of them, `**` any number."""
    left = VALUES_MAX
    waiting: list[tuple[Any, Sequence[str]]] = [(document, path)]
    while waiting and left:
        left -= 1
        value, steps = waiting.pop()
        if not steps:
            yield value
            continue
        first, rest = steps[0], steps[1:]
        if first == "**":
            waiting.append((value, rest))
        for name, member in _members(value):
            if first == "**":
                waiting.append((member, steps))
            elif first in ("*", name):
                waiting.append((member, rest))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(place), member) for place, member in enumerate(value))


def _text(value: Any) -> str:
    """Write a value as a person types it: a text bare, anything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
