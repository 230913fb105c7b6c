"""Redaction: what of a raw request people do not see.

Takes a head and a body as they came in and the rules of their source, gives both with the chosen values
masked. What is stored stays as it came: a replay needs it. Signatures, cookies and credentials are masked
whatever the rules say. Never touches actions, effects or logs, and fails closed: a body that rules are meant
for and that cannot be read as JSON or a form is masked whole.

A path (see paths) leads from the top of the body. A field of a form is its own name, and goes on into JSON that it
holds; a path of one name also means the parameter of the query.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import orjson

from gateway.operations.paths import Path, Paths, Wild, readings

MASK = "•••"
DEPTH_MAX = 100
# Laid out, a body takes as much more as it is deep: a megabyte of brackets would become a gigabyte.
LAID_OUT_BYTES_MAX = 256 * 1024
LAID_OUT_DEPTH_MAX = 64

_CREDENTIAL_HEADER = re.compile(
    r"authorization|cookie|signature|hmac|token|secret|password|credential|api-?key|\bsig\b|\bauth\b", re.IGNORECASE
)
# In bodies and queries whole names only: a cart_token is no credential.
_CREDENTIALS = frozenset(
    {
        *("token", "access_token", "refresh_token", "id_token", "auth_token", "verify_token", "hub.verify_token"),
        *("verification_token", "api_key", "apikey", "api-key", "secret", "client_secret", "password", "passwd"),
        *("signature", "hmac", "sig", "authorization", "private_key", "webhook_secret", "signing_secret"),
    }
)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a source hides besides credentials: header names, and paths into the body."""

    headers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redacted:
    head: dict[str, Any]
    body: bytes
    is_masked: bool  # anything at all


def read_rules(text: str) -> Rules:
    """Read what lies on a source."""
    document = orjson.loads(text)
    return Rules(tuple(document.get("headers", ())), tuple(document.get("paths", ())))


def write_rules(rules: Rules) -> str:
    return orjson.dumps({"headers": list(rules.headers), "paths": list(rules.paths)}).decode()


def redact(head: bytes, body: bytes, rules: Rules) -> Redacted:
    """Mask. A body in which nothing is masked is the very bytes that came in."""
    document = orjson.loads(head) if head else {}
    shown = _redact_head(document, rules)
    redacted = _redact_body(body, str(document.get("content_type", "")), rules)
    return Redacted(shown, redacted, redacted != body or shown != document)


def _redact_head(head: dict[str, Any], rules: Rules) -> dict[str, Any]:
    hidden = {name.lower() for name in rules.headers}
    shown = dict(head)
    if "headers" in head:
        shown["headers"] = [
            [name, MASK if name.lower() in hidden or _CREDENTIAL_HEADER.search(name) else value]
            for name, value in head["headers"]
        ]
    if query := head.get("query"):
        shown["query"] = _redact_query(query, rules)
    if url := head.get("url"):
        parts = urlsplit(url)
        shown["url"] = urlunsplit(parts._replace(query=_redact_query(parts.query, rules)))
    return shown


def _redact_query(query: str, rules: Rules) -> str:
    """Mask parameters; a query in which there is nothing to mask stays as it was written."""
    pairs = parse_qsl(query, keep_blank_values=True)
    hidden = {path[0] for path in _paths(rules) if len(path) == 1}
    shown = [(name, MASK if _is_credential(name) or name in hidden else value) for name, value in pairs]
    return query if shown == pairs else _encode(shown)


def _paths(rules: Rules) -> list[Path]:
    return [path for text in rules.paths for path in readings(text)]


def _encode(pairs: Sequence[tuple[str, str]]) -> str:
    """Write a query or a form, the mask as people know it."""
    return urlencode(pairs).replace(quote(MASK), MASK)


def _redact_body(body: bytes, content_type: str, rules: Rules) -> bytes:
    if not body:
        return body
    masker = _Masker(_paths(rules))
    # JSON is JSON, whatever its sender calls it: read as a form it would be one long name, and names are shown.
    if content_type.partition(";")[0].strip().lower() == _FORM and body.lstrip()[:1] not in (b"{", b"["):
        return _redact_form(body, masker)
    try:
        document = json.loads(body)
        shown = masker.mask(document)
    except (ValueError, RecursionError):
        return f"{MASK} ({len(body)} bytes, neither JSON nor a form)".encode() if rules.paths else body
    return _write_json(shown) if masker.count else body


def _redact_form(body: bytes, masker: "_Masker") -> bytes:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    shown = _encode([(name, _redact_field(name, value, masker)) for name, value in pairs])
    return shown.encode() if masker.count else body


def _redact_field(name: str, value: str, masker: "_Masker") -> str:
    before = masker.count
    if value[:1] in ("{", "["):
        try:
            shown = masker.mask({name: json.loads(value)})[name]
        except (ValueError, RecursionError):
            shown = masker.mask({name: value})[name]
    else:
        shown = masker.mask({name: value})[name]
    if masker.count == before:
        return value
    return shown if isinstance(shown, str) else _write_json(shown).decode()


def _write_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _is_credential(name: str) -> bool:
    return name.lower() in _CREDENTIALS


class _Masker:
    """Goes through a document once, with all paths at the same time."""

    def __init__(self, paths: Sequence[Path]) -> None:
        # At its end `**` is what lies below, piece by piece: not the thing itself.
        self._paths = Paths((*path, Wild.ONE) if path[-1] is Wild.MANY else path for path in paths)
        self.count = 0

    def mask(self, document: Any) -> Any:
        return self._mask(document, self._paths.start, 0)

    def _mask(self, value: Any, here: int, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise RecursionError
        if isinstance(value, dict):
            return {name: self._mask_member(name, member, here, depth) for name, member in value.items()}
        if isinstance(value, list):
            return [self._mask_member(str(place), member, here, depth) for place, member in enumerate(value)]
        return value

    def _mask_member(self, name: str, member: Any, here: int, depth: int) -> Any:
        further = self._paths.behind(here, name)
        if self._paths.is_meant(further) or (_is_credential(name) and isinstance(member, str | int | float)):
            self.count += 1
            return MASK
        return self._mask(member, further, depth + 1)


def show_body(body: bytes) -> str:
    """Write a body as a person reads it: JSON indented, text as it is, all else in hexadecimal."""
    if (laid_out := _lay_out(body)) is not None:
        return laid_out
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _in_hex(body)
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else _in_hex(body)


def _lay_out(body: bytes) -> str | None:
    """Indent JSON; None for what is no JSON, or is too large or too deep."""
    if len(body) > LAID_OUT_BYTES_MAX:
        return None
    try:
        document = json.loads(body)
        is_flat = _is_within(document, LAID_OUT_DEPTH_MAX)
        # Half a character ("\\ud800") is one to JSON, and none to a page: it is shown as it was written.
        laid_out = json.dumps(document, ensure_ascii=False, indent=2).encode(errors="backslashreplace")
        return laid_out.decode() if is_flat else None
    except (ValueError, RecursionError):
        return None


def _is_within(value: Any, depth: int) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_within(member, depth - 1) for member in members)


def _in_hex(body: bytes) -> str:
    return "\n".join(f"{start:08x}  {body[start : start + 16].hex(' ')}" for start in range(0, len(body), 16))
