"""Payloads: does a raw request hold a text, or a value at a path?

Takes the filter and a body with its head, gives yes or no. What the source hides is not found either, unless the
caller may read raw requests: a search must not tell letter by letter what is masked. Pure, and short whatever was sent:
a body of more values than can be looked at in a moment is looked at not at all, and said to be so.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote_plus

import orjson

from gateway.operations.paths import Paths, readings
from gateway.operations.redaction import Rules, redact
from gateway.store.searching import EventFilter

# Looked through in a few tenths of a second, masked and all. A megabyte of orders has 50,000, of zeros half a million.
VALUES_MAX = 250_000

# Before each value of JSON, and each field of a form, stands one of these. Counting them takes no time and no memory.
_MARKS = (b",", b"[", b"{", b"&", b"%5b", b"%7b", b"%2c")


class PayloadTest:
    """What a filter asks of payloads, prepared once."""

    def __init__(self, chosen: EventFilter, *, is_raw: bool) -> None:
        self._needles = _spellings(chosen.text) if chosen.text else ()
        self._paths = Paths(readings(chosen.path)) if chosen.path else None
        self._value = chosen.value
        self._like = None if chosen.value is None else _read(chosen.value)
        self._is_raw = is_raw

    def passes(self, head: bytes, body: bytes, rules: Rules) -> bool | None:
        """Tell whether the filter means this request; None for a body of too many values to be looked through."""
        # Before the text is looked for: that would tell whoever may not see it that it is there.
        if (self._paths or not self._is_raw) and not _is_looked_through(body):
            return None
        return self._holds(body) and (self._is_raw or self._holds(redact(head, body, rules).body))

    def _holds(self, body: bytes) -> bool:
        return self._has_text(body) and (self._paths is None or self._has_value(self._paths, body))

    def _has_text(self, body: bytes) -> bool:
        if not self._needles:
            return True
        lowered = body.lower()
        return any(needle in lowered for needle in self._needles)

    def _has_value(self, paths: Paths, body: bytes) -> bool:
        try:
            document = orjson.loads(body)
        except ValueError:
            return False
        return any(map(self._is_wanted, find_values(document, paths)))

    def _is_wanted(self, value: Any) -> bool:
        """Compare as a person types it: a text bare, anything else as JSON."""
        if self._value is None or isinstance(value, str):
            return self._value in (None, value)
        # Written out only where it is alike already: of brackets in brackets each would be written with all inside.
        return bool(value == self._like) and orjson.dumps(value).decode() == self._value


def _is_looked_through(body: bytes) -> bool:
    if len(body) <= VALUES_MAX:
        return True
    lowered = body.lower()
    return sum(map(lowered.count, _MARKS)) <= VALUES_MAX


def _read(text: str) -> Any:
    """Read JSON that can be written again; for what is none give something that equals no value."""
    try:
        document = orjson.loads(text)
        orjson.dumps(document)  # of fewer brackets in brackets than are read
    except (ValueError, TypeError):
        return ...
    return document


def _spellings(text: str) -> tuple[bytes, ...]:
    """Write a text as it may stand in a body: as it is, escaped by JSON, in a form. ASCII letters of either case."""
    plain = text.encode(errors="replace")
    in_json = orjson.dumps(text)[1:-1] if _is_clean(text) else plain
    escaped = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text if ord(c) < 0x10000).encode()
    return tuple(dict.fromkeys(form.lower() for form in (plain, in_json, escaped, quote_plus(text).encode()) if form))


def _is_clean(text: str) -> bool:
    return text.encode(errors="replace").decode() == text


def find_values(document: Any, paths: Paths) -> Iterator[Any]:
    """Give what stands at the ends of paths, each value once."""
    if paths.is_meant(paths.start):
        yield document
    waiting = [(document, paths.start)]
    while waiting:
        holder, here = waiting.pop()
        for name, value in _members(holder):
            there = paths.behind(here, name)
            if paths.is_meant(there):
                yield value
            if there and isinstance(value, dict | list):
                waiting.append((value, there))


def _members(holder: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(holder, dict):
        return holder.items()
    return zip(map(str, range(len(holder))), holder, strict=True) if isinstance(holder, list) else ()
