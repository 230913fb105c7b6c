"""Documents: how JSON lies in the tables.

Takes plain Python values, gives text for a column; and back. Never loses a digit: money is text, and
so is an integer past 64 bits, which JSON readers would round.
"""

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import orjson

_LONG_NUMBER = re.compile(r"\d{19}")


def is_clean(text: str) -> bool:
    """Tell a text that a database can hold from one that `clean` would change."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str) -> str:
    """Replace what is a character to Python and none to a database: NUL (PostgreSQL), half a surrogate pair (both)."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _plain(value: Any) -> str | list[Any]:
    """Write money without an exponent: 1E+2 is a number, but no price that a person would write."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):  # one with names: JSON knows only its order
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a document")


def _within_64_bits(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _within_64_bits(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_within_64_bits(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def dump(value: Any) -> str:
    try:
        return orjson.dumps(value, default=_plain).decode()
    except TypeError:
        return orjson.dumps(_within_64_bits(value), default=_plain).decode()


def load(text: str | bytes) -> Any:
    return orjson.loads(text)


def load_sent(text: str) -> Any:
    """Read JSON that was not written by `dump`, with every digit of its integers. Raises ValueError."""
    document = orjson.loads(text)
    if _LONG_NUMBER.search(text):
        with suppress(RecursionError):  # deeper than Python reads: then rounded
            return _within_64_bits(json.loads(text))
    return document
