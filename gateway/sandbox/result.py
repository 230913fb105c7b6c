"""Result: what `transform` gave, as the bytes that leave the child.

Takes a list of dicts that a script made, gives JSON within the limits, or says which of them it breaks. Runs no code of
a script: only exact built-in types are written. Never asks orjson for more than there is memory for: it crashes.
"""

import marshal
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from gateway.sandbox.limits import RESULT_PARTS_MAX, describe_bytes

# Subclasses could lie, dataclasses and times have more than one way to be written: all go through `_plain`.
_OPTIONS = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_TOO_DEEP = "limit: 254 levels in an action"  # orjson's own

# The last form in which what is used twice is written twice, as in JSON.
_MARSHAL_VERSION = 2
# An integer takes five bytes there, and two in JSON with its comma.
_MARSHAL_BYTES_PER_BYTE = 3


class ResultRefused(Exception):
    """What `transform` gave is no list of actions, or too much."""


def write_actions(actions: list[Any], bytes_max: int) -> bytes:
    """Write actions as JSON. Raises ResultRefused, or MemoryError where the script has left too little."""
    too_long = ResultRefused(f"limit: result {describe_bytes(bytes_max)}")
    if not _is_short(actions, bytes_max):
        raise too_long
    try:
        data = orjson.dumps(actions, default=_plain, option=_OPTIONS)
    except TypeError as error:
        is_deep = "Recursion limit" in str(error)
        raise ResultRefused(_TOO_DEEP if is_deep else f"an action is not JSON: {error}") from None
    if len(data) > bytes_max:
        raise too_long
    if data.count(b",") > RESULT_PARTS_MAX:
        raise ResultRefused(f"limit: {RESULT_PARTS_MAX} values in the actions")
    if b"null" in data:
        _refuse_what_is_not_finite(actions)  # orjson writes NaN as null, which means something else
    return data


def _is_short(actions: list[Any], bytes_max: int) -> bool:
    """Say whether they may be within the limit once they are written; a little may be endless (`[text] * 1000`).

    marshal looks at all of it in a quarter of the time that Python takes, and its MemoryError is one. What is endless
    even without a text is ended by the CPU limit.
    """
    try:
        return len(marshal.dumps(actions, _MARSHAL_VERSION)) <= _MARSHAL_BYTES_PER_BYTE * bytes_max
    except (MemoryError, ValueError):  # too long, too deep, or with decimals and times in it
        return _is_short_by_parts(actions, bytes_max)


def _is_short_by_parts(actions: list[Any], bytes_max: int) -> bool:
    waiting: list[Any] = list(actions)
    room = bytes_max
    while waiting and room >= 0:
        item = waiting.pop()
        kind = type(item)
        room -= 1 + (len(item) if kind is str else 0)
        if kind is dict:
            waiting.extend(item)
            waiting.extend(item.values())
        elif kind is list or kind is tuple:
            waiting.extend(item)
    return room >= 0


def _plain(value: Any) -> Any:
    """Write what JSON has no word for: decimals as text, times as ISO 8601 with their zone."""
    kind = type(value)
    if kind is Decimal and value.is_finite():
        return str(value)
    if kind is datetime:
        if value.tzinfo is None:
            raise ResultRefused("a time without a zone")
        return value.isoformat()
    if kind is date:
        return value.isoformat()
    raise ResultRefused(f"{kind.__name__} is no JSON value")


def _refuse_what_is_not_finite(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is dict:
            waiting.extend(item.values())
        elif kind is list or kind is tuple:
            waiting.extend(item)
        elif kind is float and not math.isfinite(item):
            raise ResultRefused(f"{item} is not a number in JSON")
