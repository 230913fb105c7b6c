"""Reach: everything that a script can touch, in one place.

Takes the toolbox and the function that prints; gives the globals that each request starts with. What is
not written down here does not exist for a script.
"""

import builtins
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from gateway import toolbox
from gateway.sandbox import guards

BUILTIN_NAMES = (
    *("abs", "all", "any", "bin", "bool", "bytes", "chr", "dict", "divmod", "enumerate", "filter", "float"),
    *("frozenset", "hex", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next"),
    *("oct", "ord", "range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    *("ArithmeticError", "AssertionError", "AttributeError", "Exception", "ImportError", "IndexError", "KeyError"),
    *("LookupError", "NameError", "NotImplementedError", "OverflowError", "RuntimeError", "StopIteration"),
    *("TypeError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "ValueError", "ZeroDivisionError"),
)
OFFERED_NAMES = frozenset((*BUILTIN_NAMES, "print", "repr"))


def _public(kind: type, *left_out: str) -> frozenset[str]:
    return frozenset(name for name in dir(kind) if not name.startswith("_")) - frozenset(left_out)


# Of these a script needs no more than the name: only the gateway makes one.
TYPE_HINTS = ("Request", "Context")

# What values of the language itself have; the toolbox lists its own.
# `str.format` walks attributes in C, past every guard.
_BUILTIN_ATTRIBUTES: dict[type, frozenset[str]] = {
    str: _public(str, "format", "format_map"),
    bytes: _public(bytes),
    list: _public(list),
    tuple: _public(tuple),
    dict: _public(dict),
    set: _public(set),
    frozenset: _public(frozenset),
    int: frozenset(("bit_length", "bit_count", "to_bytes")),
    float: frozenset(("is_integer", "as_integer_ratio")),
    range: frozenset(("start", "stop", "step", "count", "index")),
    slice: frozenset(("start", "stop", "step")),
}

# What a script may read of a class itself, for `map(str.strip, parts)` and `dict.fromkeys(keys)`.
CLASS_ATTRIBUTES: dict[type, frozenset[str]] = {
    guards.text_class: _public(str, "format", "format_map", "encode"),
    dict: frozenset(("fromkeys", "get", "keys", "values", "items")),
    bytes: frozenset(("fromhex",)),
    int: frozenset(("from_bytes",)),
}

# Methods that need a guard of their own, also because C code that imports would meet the script's `__import__`.
_WRAPPED: dict[tuple[type, str], Callable[[Any], Any]] = {
    (str, "encode"): guards.encoder,
    (bytes, "decode"): guards.decoder,
    (datetime, "strftime"): guards.time_formatter,
    (date, "strftime"): guards.time_formatter,
}


@cache
def _read_guard() -> Callable[[Any, str], Any]:
    """Give the guard that reads attributes. Made once in the fork server, shared by all its children."""
    names = {**_BUILTIN_ATTRIBUTES, **toolbox.ATTRIBUTES}
    table = {kind: {name: _WRAPPED.get((kind, name)) for name in public} for kind, public in names.items()}
    return guards.attribute_getter(table, CLASS_ATTRIBUTES)


@cache
def _importer() -> Callable[..., Any]:
    """Give the only `__import__` of a script. `language` has already refused every other statement."""
    hints = {name: guards.Listed(name, {}) for name in TYPE_HINTS}
    offered = guards.Listed("gateway.toolbox", {name: getattr(toolbox, name) for name in toolbox.__all__} | hints)
    package = guards.Listed("gateway", {"toolbox": offered})

    def import_listed(name: str, _globals: Any = None, _locals: Any = None, names: Any = (), level: int = 0) -> Any:
        if name == "gateway.toolbox" and level == 0:
            return offered if names else package
        if name == "gateway" and level == 0:
            return package
        raise ImportError(f"only gateway.toolbox can be imported, not {name}")

    return import_listed


def script_globals(print_line: Callable[..., None]) -> dict[str, Any]:
    """Give the template of a request's globals: all that a script can reach stands here."""
    offered: Mapping[str, Any] = {name: getattr(builtins, name) for name in BUILTIN_NAMES}
    own = {"print": print_line, "repr": guards.show_source, "str": guards.text_class}
    machinery = {"__build_class__": builtins.__build_class__, "__import__": _importer()}
    return {
        "__builtins__": {**offered, **own, **machinery},
        "__name__": "script",
        "__metaclass__": guards.make_class,
        "_getattr_": _read_guard(),
        "_getitem_": operator.getitem,
        "_getiter_": iter,
        "_write_": guards.writable,
        "_apply_": guards.apply,
        "_inplacevar_": guards.change_in_place,
        "_unpack_sequence_": guards.keep_sequence,
        "_iter_unpack_sequence_": guards.keep_sequence,
        "_modulo_": guards.modulo,
        "_format_": guards.format_value,
    }
