"""Last words: what a child that was killed has left of its request.

Takes the bytes that the child wrote before it died, the script and its secrets; gives a log and the lines that it was
at, as a request that ended well has them. Believes nothing: a child that was taken over writes what it likes.
"""

import re
from typing import Any

from gateway.sandbox.mask import CONTROL, Mask, finish_log
from gateway.sandbox.script import Script
from gateway.sandbox.stage import LOG_BYTES

# As faulthandler writes it, the innermost frame first; a deep stack ends in an ellipsis, every other in our program.
_FRAME = re.compile(rb'  File "script\.py", line (\d{1,6}) in ([^\n]{1,200})\n')
_LAST_FRAME = re.compile(rb'(  File "<string>", line \d+ in <module>|  \.\.\.)\n\Z')
WORDS_BYTES_MAX = 64 * 1024
_TRACE_LINES_MAX = 20
_LINE_CHARACTERS_MAX = 200


def is_all_said(words: bytes | bytearray) -> bool:
    """Tell words that nothing will follow."""
    return len(words) >= WORDS_BYTES_MAX or _LAST_FRAME.search(words, max(0, len(words) - 100)) is not None


def read_log(printed: bytes, script: Script, *, is_whole: bool) -> str:
    """Read what the script had printed."""
    if not printed:
        return ""
    mask = Mask(script.secrets.values())
    text = mask.hide(printed.decode(errors="replace"))
    if not is_whole:  # half a secret may stand where it was cut
        text = text[: max(0, len(text) - mask.longest)]
    return finish_log(text, min(script.limits.log_bytes, LOG_BYTES), mask, is_whole=is_whole)


def read_trace(words: bytes | bytearray, script: Script) -> tuple[dict[str, Any], ...]:
    """Read where the script was, outermost line first."""
    found = _FRAME.findall(words)[:_TRACE_LINES_MAX]
    if not found:
        return ()
    mask, lines = Mask(script.secrets.values()), script.text.splitlines()
    return tuple(_line(int(number), function.decode(errors="replace"), lines, mask) for number, function in found[::-1])


def _line(number: int, function: str, lines: list[str], mask: Mask) -> dict[str, Any]:
    text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return {"line": number, "function": _shown(function, mask), "text": _shown(text, mask)}


def _shown(text: str, mask: Mask) -> str:
    return mask.hide(text)[:_LINE_CHARACTERS_MAX].translate(CONTROL).encode(errors="replace").decode()
