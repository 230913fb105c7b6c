"""Texts: what leaves a child in words: the log, the reason of a failure, the lines where it happened.

Takes a source's secrets and whatever a script printed or raised; gives bounded text without control
characters, addresses, frames of ours, or a secret. Never touches actions or replies.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from gateway.sandbox.compiler import FILE_NAME
from gateway.sandbox.guards import show, without_addresses
from gateway.sandbox.mask import CONTROL, Mask, finish_log

REASON_CHARACTERS_MAX = 300
_LINE_CHARACTERS_MAX = 200
_TRACE_LINES_MAX = 20

_PLAIN_TYPES = frozenset((int, float, bool, type(None)))


class Log:
    """What a script prints in one request, cut at a limit."""

    def __init__(self, bytes_max: int, mask: Mask, keep: Callable[[bytes], None]) -> None:
        """`keep` is given each line at once: it outlives a request that is killed."""
        self._bytes_max = bytes_max
        self._mask = mask
        self._keep = keep
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
        kept_count = len(self._parts)
        for index, value in enumerate(values):
            self._write(separator if index else "")
            self._write(show(value))
        self._write(ending)
        self._keep("".join(self._parts[kept_count:]).encode(errors="replace"))

    def _write(self, text: str) -> None:
        if self._room >= 0:
            self._parts.append(text[: self._room + 1])
            self._room -= len(text)

    def text(self) -> str:
        """Give what was printed, masked, then cut; say so where it was cut."""
        if not self._parts:
            return ""
        return finish_log("".join(self._parts), self._bytes_max, self._mask, is_whole=self._room >= 0)


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
    shown = without_addresses(mask.hide(text))[:characters_max].translate(CONTROL)
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
