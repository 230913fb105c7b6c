"""Texts: what leaves a child in words: the log, the reason of a failure, the lines where it happened.

Takes a source's secrets and whatever a script printed or raised; gives bounded text without control
characters, addresses, frames of ours, or a secret. Never touches actions or replies.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote

from gateway.sandbox.compiler import FILE_NAME
from gateway.sandbox.guards import show, without_addresses
from gateway.sandbox.limits import describe_bytes

REASON_CHARACTERS_MAX = 300
_LINE_CHARACTERS_MAX = 200
_TRACE_LINES_MAX = 20

# Shorter ones would blot out ordinary words.
_SECRET_CHARACTERS_MIN = 8
# A line of a key over several lines, and not the words above and below it.
_SECRET_LINE_CHARACTERS_MIN = 16
_BLOT = "•••"

_PLAIN_TYPES = frozenset((int, float, bool, type(None)))
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {0x2028: "\\u2028", 0x2029: "\\u2029"}
_LOG_CONTROL = {code: text for code, text in _CONTROL.items() if code not in (9, 10)}


class Mask:
    """Blots out a source's secrets: as they are, escaped, and in base64, hexadecimal and percent encoding."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SECRET_CHARACTERS_MIN for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self.longest = max(map(len, forms), default=0)

    def hide(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(_BLOT, text)


def _forms(secret: str) -> set[str]:
    """List the ways in which a text that is printed, quoted, signed or sent shows a secret."""
    raw = secret.encode(errors="surrogatepass")
    escaped = (repr(secret)[1:-1], repr(raw)[2:-1], json.dumps(secret)[1:-1], quote(raw, safe=""), quote(raw))
    lines = (
        line for line in secret.splitlines() if len(line) >= _SECRET_LINE_CHARACTERS_MIN and not line.startswith("--")
    )
    return {secret, *lines, *escaped, raw.hex(), raw.hex().upper(), *_base64_forms(raw)}


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Give the part of it that is the same whatever stands before and after the secret, as in Basic credentials."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        alone = encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(raw)) % 3 > 0)]
        if len(alone) >= _SECRET_CHARACTERS_MIN:
            yield alone
            yield alone.replace("+", "-").replace("/", "_")


class Log:
    """What a script prints in one request, cut at a limit."""

    def __init__(self, bytes_max: int, mask: Mask) -> None:
        self._bytes_max = bytes_max
        self._mask = mask
        self._parts: list[str] = []
        # One secret more than is shown, so that none is cut in half before it is masked.
        self._characters_max = bytes_max + mask.longest
        self._room = self._characters_max

    def clear(self) -> None:
        self._parts.clear()
        self._room = self._characters_max

    def print_line(self, *values: Any, sep: str = " ", end: str = "\n") -> None:
        """Stand behind `print` and `context.log`."""
        separator, ending = (" " if sep is None else sep), ("\n" if end is None else end)
        if type(separator) is not str or type(ending) is not str:
            raise TypeError("sep and end must be str")
        for index, value in enumerate(values):
            self._write(separator if index else "")
            self._write(show(value))
        self._write(ending)

    def _write(self, text: str) -> None:
        if self._room >= 0:
            self._parts.append(text[: self._room + 1])
            self._room -= len(text)

    def text(self) -> str:
        """Give what was printed, masked, then cut; say so where it was cut."""
        if not self._parts:
            return ""
        whole = self._mask.hide("".join(self._parts)).translate(_LOG_CONTROL)
        data = whole.encode(errors="replace")
        if self._room >= 0 and len(data) <= self._bytes_max:
            return data.decode()
        shown = data[: self._bytes_max].decode(errors="ignore")
        return f"{shown}\n… (the log was cut at {describe_bytes(self._bytes_max)})"


def describe_error(error: BaseException, mask: Mask) -> str:
    """Give `ValueError: bad date`: the class's name and a text that is really a text."""
    name = type(error).__name__
    message = _message(error)
    return tidy(f"{name}: {message}" if message else name, mask)


def _message(error: BaseException) -> str:
    arguments = error.args
    if isinstance(error, UnicodeError) and len(arguments) == 5:
        return f"{arguments[0]}: {arguments[4]} at position {arguments[2]}"
    if not arguments:
        return ""
    first = arguments[0]
    if type(first) is str:
        return first
    return str(first) if type(first) in _PLAIN_TYPES else ""


def tidy(text: str, mask: Mask, characters_max: int = REASON_CHARACTERS_MAX) -> str:
    """Mask, cut and escape; in this order, so that no secret is cut before it is masked."""
    shown = without_addresses(mask.hide(text))[:characters_max].translate(_CONTROL)
    return shown.encode(errors="replace").decode()


def trace_lines(traceback: TracebackType | None, source_lines: list[str], mask: Mask) -> list[dict[str, Any]]:
    """List the lines of the script itself that led to an error, outermost first."""
    lines: list[dict[str, Any]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILE_NAME:
            number = traceback.tb_lineno or 0
            text = source_lines[number - 1].strip() if 0 < number <= len(source_lines) else ""
            function = tidy(code.co_name, mask, _LINE_CHARACTERS_MAX)
            lines.append({"line": number, "function": function, "text": tidy(text, mask, _LINE_CHARACTERS_MAX)})
        traceback = traceback.tb_next
    return lines[-_TRACE_LINES_MAX:]
