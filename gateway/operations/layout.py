"""Layout: a body as a person reads it.

Takes bytes, gives text: JSON indented, text as it is, all else in hexadecimal. Numbers and names that come twice are
shown as they were written.
"""

import json

from gateway.operations.json_text import lay_out, read_json_text

# Laid out, a body takes as much more as it is deep: a megabyte of brackets would become a gigabyte.
LAID_OUT_BYTES_MAX = 256 * 1024
LAID_OUT_DEPTH_MAX = 64


def show_body(body: bytes) -> str:
    if (laid_out := _lay_out(body)) is not None:
        return laid_out
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _in_hex(body)
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else _in_hex(body)


def _lay_out(body: bytes) -> str | None:
    """Indent JSON; None for what is no JSON, or is too large or too deep."""
    if len(body) > LAID_OUT_BYTES_MAX or (document := read_json_text(body)) is None:
        return None
    laid_out = lay_out(document.text, LAID_OUT_DEPTH_MAX, _readable)
    # Half a character ("\\ud800") is one to JSON, and none to a page: it is shown as it was written.
    return None if laid_out is None else laid_out.encode(errors="backslashreplace").decode()


def _readable(token: str) -> str:
    """Write the letters of a string that its sender has escaped: some escape every ü."""
    return json.dumps(json.loads(token), ensure_ascii=False) if "\\u" in token else token


def _in_hex(body: bytes) -> str:
    return "\n".join(f"{start:08x}  {body[start : start + 16].hex(' ')}" for start in range(0, len(body), 16))
