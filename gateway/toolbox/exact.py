"""Exact: what a helper may be handed by a script.

Takes any value, gives it back typed, or raises TypeError/ValueError that names it. Only the exact built-in
types pass: a subclass of str could lie about itself half-way through a check. Sizes are bounded here, so
that no helper is a way to make the process work for nothing. Never copies, never converts.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

TEXT_CHARACTERS_MAX = 16 * 1024 * 1024  # above the largest body that a source may be allowed (10 MiB)
NODES_MAX = 200_000  # a 10 MiB body of ordinary JSON has about half of it
DEPTH_MAX = 100  # real payloads stay below 20; recursion over this is safe on the child's stack

_LEAVES = (str, int, float, bool, type(None), Decimal, datetime, date)
_LEAF_TYPES = frozenset(_LEAVES)

Exact = TypeVar("Exact")


def exact(value: object, kind: type[Exact], name: str) -> Exact:
    """Give the value back when its type is exactly `kind`; TypeError otherwise."""
    if type(value) is kind:
        return value
    raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def exact_text(value: object, name: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    text = exact(value, str, name)
    if len(text) > characters_max:
        raise ValueError(f"{name} is longer than {characters_max} characters")
    return text


def exact_bytes(value: object, name: str) -> bytes:
    """Bytes as they are, text as UTF-8."""
    if type(value) is bytes:
        return value
    if type(value) is str:
        return utf8(value, name)
    raise TypeError(f"{name} must be bytes or str, not {type(value).__name__}")


def utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a character (a lone surrogate)") from None


def one_of(value: object, allowed: Mapping[str, Any] | frozenset[str], name: str) -> str:
    if type(value) is str and value in allowed:
        return value
    raise ValueError(f"{name} must be one of {', '.join(sorted(allowed))}")


def check_plain(value: object) -> None:
    """Raise unless the value is made of dict, list, tuple, text, numbers, bool, None, times and decimals only.

    Counts every visit, so that a small object that refers to itself many times over is refused as well.
    """
    waiting: list[tuple[object, int]] = [(value, 0)]
    visits = 0
    while waiting:
        item, depth = waiting.pop()
        visits += 1
        if visits > NODES_MAX or depth > DEPTH_MAX:
            raise ValueError(f"a value of more than {NODES_MAX} parts or {DEPTH_MAX} levels")
        if type(item) not in _LEAF_TYPES:
            waiting.extend([(child, depth + 1) for child in _children(item)])


def _children(item: object) -> list[object]:
    if type(item) is list or type(item) is tuple:
        return list(item)
    if type(item) is not dict:
        raise TypeError(f"{type(item).__name__} is not a plain value")
    for key in item:
        if type(key) is not str:
            raise TypeError(f"a key of a dict must be str, not {type(key).__name__}")
    return list(item.values())
