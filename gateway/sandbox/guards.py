"""Guards: what happens at run time where a script reads an attribute, writes, formats or makes a class.

The compiled script calls these under the names that RestrictedPython (and `language`) put there. Each
goes by exact types: what is not listed in `reach` is not there. Never hands out a module, a frame or
the address of an object.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import GenericAlias
from typing import Any

AttributeTable = Mapping[type, Mapping[str, Callable[[Any], Any] | None]]

CODECS = frozenset(
    (
        *("utf-8", "utf8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "ascii", "us-ascii", "latin-1", "latin1"),
        *("iso-8859-1", "iso-8859-2", "cp1250", "windows-1250", "cp1252", "windows-1252"),
    )
)
_CODEC_ERRORS = frozenset(("strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace"))

# Their text form runs no code of a script and shows no address.
_SCALARS = frozenset((str, bytes, int, float, bool, type(None), Decimal, datetime, date, timedelta, timezone))
_FORMATTABLE = frozenset((str, int, float, bool, Decimal, datetime, date))
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_WIDE_FORMAT = re.compile(r"\d{4,}")
# A key with brackets in it would hide what follows it from this reading, though not from Python's.
_WIDE_PERCENT = re.compile(r"%(?:\([^()]*\()|%(?:\([^()]*\))?[-+ #0]*(?:\*|\d{4,}|\d*\.\*|\d*\.\d{4,})")

_BASES_OF_SCRIPT_CLASSES = frozenset((object, Exception, ValueError, TypeError, KeyError, LookupError, RuntimeError))

_INPLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "**=": operator.ipow,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
    "&=": operator.iand,
    "|=": operator.ior,
    "^=": operator.ixor,
    "@=": operator.imatmul,
}


class ScriptClass(type):
    """The class of all classes that scripts define; that is how they are told from ours."""


def make_class(name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> ScriptClass:
    """Make a script's class, from nothing, from its own classes or from a few exceptions."""
    for base in bases:
        if type(base) is not ScriptClass and (type(base) is GenericAlias or base not in _BASES_OF_SCRIPT_CLASSES):
            raise TypeError(f"a class of a script cannot be derived from {show(base)}")
    return ScriptClass(name, bases, dict(namespace))


class Listed:
    """Stands for a package in a script: names to read, nothing else. Never the module itself."""

    __slots__ = ("__dict__", "_title")

    def __init__(self, title: str, names: Mapping[str, Any]) -> None:
        self._title = title
        self.__dict__.update(names)

    def __repr__(self) -> str:
        return f"<{self._title}>"


def attribute_getter(table: AttributeTable, class_table: Mapping[type, frozenset[str]]) -> Callable[[Any, str], Any]:
    """Give the guard that reads `owner.name`: first the tables by exact type, then a script's own things."""

    def get_attribute(owner: Any, name: str) -> Any:
        names = table.get(type(owner))
        if names is not None and name in names:
            wrap = names[name]
            return getattr(owner, name) if wrap is None else wrap(owner)
        if not name.startswith("_") and _is_own(owner, name, class_table):
            value = getattr(owner, name)
            return _plain_arguments(value) if name == "args" and isinstance(owner, BaseException) else value
        raise AttributeError(_no_attribute(owner, name))

    return get_attribute


def _plain_arguments(arguments: Any) -> Any:
    """Give `error.args`; `[].index(f)` and its like put the address of f into their words."""
    if type(arguments) is not tuple:
        return arguments
    return tuple(without_addresses(value) if type(value) is str else value for value in arguments)


def _is_own(owner: Any, name: str, class_table: Mapping[type, frozenset[str]]) -> bool:
    """Say whether a script made this attribute itself, or may read it of a listed class."""
    kind = type(owner)
    if type(kind) is ScriptClass:
        return name in owner.__dict__ or _defines(kind, name) or (name == "args" and issubclass(kind, BaseException))
    if kind is ScriptClass:
        return _defines(owner, name)
    if kind is type or kind is TextClass:
        return name in class_table.get(owner, ())
    if kind is Listed:
        return name in owner.__dict__
    return name == "args" and issubclass(kind, BaseException)


def _defines(script_class: type, name: str) -> bool:
    return any(type(base) is ScriptClass and name in base.__dict__ for base in script_class.__mro__)


def _no_attribute(owner: Any, name: str) -> str:
    kind = type(owner)
    if kind is dict:
        return f"a dict has no attribute {name!r}: write value[{name!r}] or value.get({name!r})"
    return f"{kind.__name__} has no attribute {name!r} that scripts may use"


def writable(owner: Any) -> Any:
    """Let `owner.x = …` and `owner[k] = …` through for dicts, lists and what the script itself defined."""
    kind = type(owner)
    if kind is dict or kind is list or kind is ScriptClass or type(kind) is ScriptClass:
        return owner
    raise TypeError(f"{kind.__name__} cannot be changed by a script")


def apply(function: Any, /, *arguments: Any, **keywords: Any) -> Any:
    """Call with starred arguments."""
    return function(*arguments, **keywords)


def keep_sequence(sequence: Any, _spec: Any, _iterate: Any) -> Any:
    """Leave unpacking to Python: iteration is no boundary here (C code iterates past any guard)."""
    return sequence


def change_in_place(operation: str, left: Any, right: Any) -> Any:
    """Do `left += right` and its siblings."""
    return modulo(left, right) if operation == "%=" else _INPLACE[operation](left, right)


def modulo(left: Any, right: Any) -> Any:
    """Do `left % right`; for text that is formatting, with widths that stay small and no addresses."""
    if type(left) is not str and type(left) is not bytes:
        return left % right
    if _WIDE_PERCENT.search(left.decode("latin-1") if isinstance(left, bytes) else left):
        raise ValueError("a width in % formatting may have three digits, and no *; a key no bracket")
    if type(right) is tuple:
        return left % tuple(_operand(item) for item in right)
    if type(right) is dict:
        return left % {key: _operand(value) for key, value in right.items()}
    return left % _operand(right)


def _operand(value: Any) -> Any:
    return value if type(value) in _SCALARS else show(value)


def show(value: Any) -> str:
    """Give str(value) without the addresses of objects."""
    if type(value) is str:
        return value
    text = str(value)
    return text if type(value) in _SCALARS else without_addresses(text)


def without_addresses(text: str) -> str:
    """Cut ` at 0x7f…` out of the text form of an object."""
    return _ADDRESS.sub("", text)


def show_source(value: Any) -> str:
    """Give repr(value) without the addresses of objects."""
    text = repr(value)
    return text if type(value) in _SCALARS else without_addresses(text)


class TextClass(type):
    """Makes what stands for `str` in a script: also as a key, in `map` and by another name it shows no address."""

    def __call__(cls, *arguments: Any, **keywords: Any) -> str:
        if len(arguments) == 1 and not keywords:
            return show(arguments[0])
        if not arguments and not keywords:
            return ""
        return decoder(arguments[0])(*arguments[1:], **keywords)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, str)

    def __subclasscheck__(cls, kind: type) -> bool:
        return kind is cls or issubclass(kind, str)

    def __repr__(cls) -> str:
        return repr(str)


text_class = TextClass("str", (), {name: value for name, value in vars(str).items() if not name.startswith("_")})


def format_value(value: Any, conversion: int = -1, spec: str = "") -> str:
    """Format one value of an f-string."""
    if conversion in (ord("r"), ord("a")):
        value = show_source(value)
        value = value if conversion == ord("r") else value.encode("ascii", "backslashreplace").decode()
    elif conversion == ord("s"):
        value = show(value)
    if not spec:
        return show(value)
    if type(value) not in _FORMATTABLE:
        raise TypeError(f"{type(value).__name__} has no formats")
    if _WIDE_FORMAT.search(spec):
        raise ValueError("a width in a format may have three digits")
    return format(value, spec)


def encoder(text: str) -> Callable[..., bytes]:
    """Give `text.encode`, for the codecs that are loaded and linear."""

    def encode(encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return text.encode(*_checked_codec(encoding, errors))

    return encode


def decoder(data: Any) -> Callable[..., str]:
    """Give `data.decode`, for the codecs that are loaded and linear."""
    if type(data) is not bytes:
        raise TypeError(f"{type(data).__name__} cannot be decoded, only bytes can")

    def decode(encoding: str = "utf-8", errors: str = "strict") -> str:
        return data.decode(*_checked_codec(encoding, errors))

    return decode


def _checked_codec(encoding: Any, errors: Any) -> tuple[str, str]:
    if type(encoding) is not str or encoding.lower().replace("_", "-") not in CODECS:
        raise LookupError(f"unknown encoding; there are {', '.join(sorted(CODECS))}")
    if type(errors) is not str or errors not in _CODEC_ERRORS:
        raise LookupError("errors is strict, ignore, replace, backslashreplace or xmlcharrefreplace")
    return encoding, errors


def time_formatter(moment: datetime | date) -> Callable[[str], str]:
    """Give `moment.strftime` with small widths."""

    def strftime(form: str) -> str:
        if type(form) is not str or _WIDE_FORMAT.search(form):
            raise ValueError("strftime takes a format without long widths")
        return moment.strftime(form)

    return strftime
