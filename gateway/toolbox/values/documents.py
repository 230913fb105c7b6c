"""Documents: reading and writing JSON, and finding one's way in what was read.

Takes text, bytes and plain values; gives plain values only. Integers of any length stay exact and NaN is
refused in both directions, as RFC 8259 has it. Never hands out an object of a library.
"""

import json
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import jmespath
import jmespath.exceptions
import orjson

from gateway.toolbox.exact import check_plain, exact, exact_bytes, exact_text
from gateway.toolbox.values.amounts import format_amount
from gateway.toolbox.values.times import format_time

_ANY_DIGIT_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19  # the shortest integer that may not fit into 64 bits, which orjson would turn into a float
# What orjson needs at most to read JSON: asked for at once, and given back untouched.
_MEMORY_BYTES_PER_BYTE = 12
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EXPRESSION_CHARACTERS_MAX = 2_000
_MISSING = object()


def parse_json(text: str | bytes) -> Any:
    """Read JSON.

    Takes text or UTF-8 bytes (a byte order mark is skipped); gives dict, list, str, int, float, bool or None.
    Integers of any length are exact. ValueError says where the text stops being JSON (RFC 8259: no NaN,
    no comments, no trailing comma). Example: `parse_json(request.form["payload"])["id"]`.
    """
    return read_json(exact_bytes(text, "text"), "the text")


def read_json(data: bytes, what: str) -> Any:
    """Read JSON bytes; `what` names them in the error."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data or data.isspace():
        raise ValueError(f"{what} is empty, not JSON")
    bytes(_MEMORY_BYTES_PER_BYTE * len(data))  # orjson crashes where memory ends; this raises MemoryError
    try:
        value = orjson.loads(data)
        if _LONG_NUMBER in data.translate(_ANY_DIGIT_TO_ZERO):
            # orjson has already said that this is JSON; read once more for the integers it rounds.
            return json.loads(data)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("Not enough memory"):
            raise MemoryError from None
        raise ValueError(f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    return value


def dump_json(value: Any, sort_keys: bool = False) -> str:
    """Write JSON without spaces.

    Takes plain values; a decimal becomes text, so does a time (ISO 8601). TypeError for anything else,
    ValueError for NaN and infinity. Example: `dump_json({"a": 1})` gives `{"a":1}`.
    """
    check_plain(value)
    try:
        return json.dumps(
            value,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            sort_keys=exact(sort_keys, bool, "sort_keys"),
            default=_as_text,
        )
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def search_json(expression: str, value: Any) -> Any:
    """Find something in a plain value with a JMESPath expression (jmespath.org).

    Gives plain values, None where nothing is found. ValueError for an expression that cannot be read or
    does not fit the value. Example: `search_json("line_items[?quantity > `1`].sku", request.json)`.
    """
    check_plain(value)
    try:
        found = _compile(exact_text(expression, "expression", _EXPRESSION_CHARACTERS_MAX)).search(value)
    except (jmespath.exceptions.JMESPathError, RecursionError, ArithmeticError, TypeError) as error:
        raise ValueError(f"JMESPath {expression!r}: {error}") from None
    check_plain(found)
    return _copy(found)  # a literal of the expression is kept with it, for the next request


def get_path(value: Any, path: str, default: Any = None) -> Any:
    """Follow a dotted path through dicts and lists.

    Numbers are positions of a list, from 0. Gives `default` where a step is missing or leads into something
    that is neither dict nor list; a null that is there stays None. Example: `get_path(order, "customer.emails.0")`.
    """
    for step in exact_text(path, "path", 1_000).split("."):
        value = _step_into(value, step)
        if value is _MISSING:
            return default
    return value


def flatten(value: dict[str, Any], separator: str = ".") -> dict[str, Any]:
    """Make one level of nested dicts: {"a": {"b": 1}} becomes {"a.b": 1}. Lists stay whole, empty dicts are dropped.

    ValueError where two paths give one name. Example: `upsert_contact(…, attributes=flatten(profile))`.
    """
    check_plain(exact(value, dict, "value"))
    exact_text(separator, "separator", 10)
    flat: dict[str, Any] = {}
    waiting = [("", value)]
    while waiting:
        prefix, branch = waiting.pop()
        for key, item in branch.items():
            if type(item) is dict:
                waiting.append((f"{prefix}{key}{separator}", item))
            elif f"{prefix}{key}" in flat:
                raise ValueError(f"two values are named {prefix}{key}")
            else:
                flat[f"{prefix}{key}"] = item
    return flat


def _as_text(value: object) -> str:
    if type(value) is Decimal and value.is_finite():
        return format_amount(value)
    if type(value) is datetime:
        return format_time(value)
    if type(value) is date:
        return value.isoformat()
    raise ValueError(f"{value} cannot be written as JSON")


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list or type(value) is tuple else value


@lru_cache(maxsize=64)
def _compile(expression: str) -> Any:
    return jmespath.compile(expression)


def _step_into(value: Any, step: str) -> Any:
    if type(value) is dict:
        return value.get(step, _MISSING)
    if (type(value) is list or type(value) is tuple) and step.isascii() and step.isdigit() and len(step) < 10:
        return value[int(step)] if int(step) < len(value) else _MISSING
    return _MISSING
