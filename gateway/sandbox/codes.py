"""Codes: what scripts were compiled to, so that a child need not do it again.

Takes a script, gives the code that an earlier child of the same source made of the same text. Compiling leaves a child
twice as large as it has to be, and is half of its birth. Bounded: what was wanted least recently goes first. Never
reads a code: only children of that source load it, behind the same wall as the one that wrote it.
"""

from collections import OrderedDict

from gateway.sandbox.limits import MIB
from gateway.sandbox.script import Script

_BYTES_MAX = 64 * MIB


class Codes:
    """The codes of one nursery."""

    def __init__(self, bytes_max: int = _BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._by_text: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def find(self, script: Script) -> bytes | None:
        """Give the code; empty where it was too long to be told, None where the text was not compiled yet."""
        key = (script.source, script.text)
        if key not in self._by_text:
            return None
        self._by_text.move_to_end(key)
        return self._by_text[key]

    def keep(self, script: Script, code: bytes) -> None:
        key = (script.source, script.text)
        self._forget(key)
        self._by_text[key] = code
        self._bytes += _size(key, code)
        while self._bytes > self._bytes_max:
            self._forget(next(iter(self._by_text)))

    def _forget(self, key: tuple[str, str]) -> None:
        if (code := self._by_text.pop(key, None)) is not None:
            self._bytes -= _size(key, code)


def _size(key: tuple[str, str], code: bytes) -> int:
    return len(key[1]) + len(code)
