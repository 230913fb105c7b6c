"""Patterns: regular expressions whose time grows with the text and never explodes.

Takes a pattern in RE2 syntax (no look-around, no back-references) and text; gives plain dicts and lists.
Never hands out a compiled pattern or a match.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from gateway.toolbox.exact import TEXT_CHARACTERS_MAX, exact_text

_PATTERN_CHARACTERS_MAX = 2_000
_PATTERN_MEMORY_BYTES = 1024 * 1024  # RE2's own default is 8 MiB a pattern: eight of them would fill a child
_MATCHES_MAX = 100_000
_TEMPLATE = r"\\(?:([0-9])|g<([A-Za-z_][A-Za-z0-9_]*|[0-9]{1,2})>|(\\))"


def match_text(pattern: str, text: str) -> dict[str, Any] | None:
    """Find the first place where a pattern fits; anchor it with ^ and $ to fit the whole text.

    Gives {"text", "start", "end", "groups": [first, second …], "named": {name: text}} or None; a group that took
    no part is None. Syntax: github.com/google/re2/wiki/Syntax. ValueError for a pattern that cannot be read.
    Example: `match_text(r"^order/(\\w+)$", topic)["groups"][0]`.
    """
    found = _compile(pattern).search(exact_text(text, "text"))
    return None if found is None else _describe(found)


def find_all(pattern: str, text: str) -> list[dict[str, Any]]:
    """Find every place where a pattern fits, left to right, in the form of `match_text`.

    ValueError past 100,000 places. Example: `[m["text"] for m in find_all(r"#\\w+", note)]`.
    """
    return [_describe(found) for found in _matches(pattern, text)]


def replace_text(pattern: str, replacement: str, text: str) -> str:
    """Replace every place where a pattern fits.

    In the replacement \\1 to \\9 and \\g<name> stand for groups, \\0 for the whole, \\\\ for a backslash; anything
    else is meant as it stands. ValueError for a group that the pattern does not have. Example:
    `replace_text(r"[^0-9.]", "", "€ 1,299.00")`.
    """
    template = _split_template(exact_text(replacement, "replacement", 10_000))
    pieces: list[str] = []
    end = 0
    size = 0
    for found in _matches(pattern, text):
        pieces += [text[end : found.start()], _fill(template, found)]
        size += len(pieces[-1])
        _check_size(size)
        end = found.end()
    return "".join([*pieces, text[end:]])


def split_text(pattern: str, text: str) -> list[str]:
    """Split a text wherever a pattern fits; groups are not kept. Example: `split_text(r"\\s*[,;]\\s*", tags)`."""
    pieces: list[str] = []
    end = 0
    for found in _matches(pattern, text):
        pieces.append(text[end : found.start()])
        end = found.end()
    return [*pieces, text[end:]]


@lru_cache(maxsize=64)
def _compile_cached(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"the pattern {pattern!r} cannot be used: {reason}") from None


def _compile(pattern: str) -> Any:
    return _compile_cached(exact_text(pattern, "pattern", _PATTERN_CHARACTERS_MAX))


def _matches(pattern: str, text: str) -> Iterator[Any]:
    for count, found in enumerate(_compile(pattern).finditer(exact_text(text, "text"))):
        if count >= _MATCHES_MAX:
            raise ValueError(f"the pattern fits at more than {_MATCHES_MAX} places")
        yield found


def _check_size(characters: int) -> None:
    if characters > TEXT_CHARACTERS_MAX:
        raise ValueError(f"the result of replace_text is longer than {TEXT_CHARACTERS_MAX} characters")


def _describe(found: Any) -> dict[str, Any]:
    return {
        "text": found.group(),
        "start": found.start(),
        "end": found.end(),
        "groups": list(found.groups()),
        "named": found.groupdict(),
    }


def _split_template(replacement: str) -> list[str | int | tuple[str]]:
    """Literal text, numbers of groups, and names of groups in tuples of one."""
    parts: list[str | int | tuple[str]] = []
    end = 0
    for found in _compile(_TEMPLATE).finditer(replacement):
        digit, name, backslash = found.groups()
        parts.append(replacement[end : found.start()])
        group = digit or name
        parts.append(backslash or (int(group) if group.isdigit() else (group,)))
        end = found.end()
    return [*parts, replacement[end:]]


def _fill(template: list[str | int | tuple[str]], found: Any) -> str:
    try:
        return "".join(part if type(part) is str else _group(found, part) for part in template)
    except IndexError:
        raise ValueError("the replacement names a group that the pattern does not have") from None


def _group(found: Any, part: Any) -> str:
    return found[part[0] if type(part) is tuple else part] or ""
