"""Mask: a source's secrets are blotted out of what a script prints, in the child and wherever else it is read.

Takes a source's secrets and a text, gives the text without them, and a log as people see it. Knows nothing of scripts:
the gateway reads with it what a child that was killed has left.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from gateway.sandbox.limits import describe_bytes

# Shorter ones would blot out ordinary words.
_SECRET_CHARACTERS_MIN = 8
# A line of a key over several lines, and not the words above and below it.
_SECRET_LINE_CHARACTERS_MIN = 16
_BLOT = "•••"

CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {0x2028: "\\u2028", 0x2029: "\\u2029"}
_LOG_CONTROL = {code: text for code, text in CONTROL.items() if code not in (9, 10)}


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


def finish_log(text: str, bytes_max: int, mask: Mask, *, is_whole: bool) -> str:
    """Give what was printed, masked, then cut; say so where it was cut."""
    data = mask.hide(text).translate(_LOG_CONTROL).encode(errors="replace")
    if is_whole and len(data) <= bytes_max:
        return data.decode()
    shown = data[:bytes_max].decode(errors="ignore")
    return f"{shown}\n… (the log was cut at {describe_bytes(bytes_max)})"
