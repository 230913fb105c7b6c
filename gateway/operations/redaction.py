"""Redaction: what of a raw request people do not see.

Takes a head and a body as they came in and the rules of their source, gives both with the chosen values
masked. What is stored stays as it came: a replay needs it. Signatures, cookies and credentials are masked
whatever the rules say. Never touches actions, effects or logs, and fails closed: a body that rules are meant
for and that cannot be read as JSON or a form is masked whole.

A path (see paths) leads from the top of the body. A field of a form is its own name, and goes on into JSON that it
holds; a path of one name also means the parameter of the query.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit, urlunsplit

import orjson

from gateway.operations.json_text import CLOSING, OPENING, Token, read_json_text, read_name, tokens
from gateway.operations.paths import Path, Paths, Wild, readings

MASK = "•••"
DEPTH_MAX = 100

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


class Marks:
    """What stands in the place of what is hidden. These all look the same, and nothing comes back from them."""

    is_lasting = False

    def put(self, hidden: str) -> str:
        return MASK


def redact(head: bytes, body: bytes, rules: Rules, marks: Marks | None = None) -> Redacted:
    """Mask. What is not masked stays as it was written; a body in which nothing is are the very bytes that came in."""
    marks, document = marks or Marks(), orjson.loads(head) if head else {}
    shown = _redact_head(document, rules, marks)
    redacted = _redact_body(body, str(document.get("content_type", "")), rules, marks)
    return Redacted(shown, redacted, redacted != body or shown != document)


def _redact_head(head: dict[str, Any], rules: Rules, marks: Marks) -> dict[str, Any]:
    hidden = {name.lower() for name in rules.headers}
    shown = dict(head)
    if "headers" in head:
        shown["headers"] = [
            [name, marks.put(value) if name.lower() in hidden or _CREDENTIAL_HEADER.search(name) else value]
            for name, value in head["headers"]
        ]
    if query := head.get("query"):
        shown["query"] = _redact_query(query, rules, marks)
    if url := head.get("url"):
        parts = urlsplit(url)
        shown["url"] = urlunsplit(parts._replace(query=_redact_query(parts.query, rules, marks)))
    return shown


def _redact_query(query: str, rules: Rules, marks: Marks) -> str:
    hidden = {path[0] for path in _paths(rules) if len(path) == 1}
    return _redact_pairs(
        query, lambda name, value: marks.put(value) if _is_credential(name) or name in hidden else value
    )


def _redact_pairs(text: str, redact_value: Callable[[str, str], str]) -> str:
    """Mask values of a query or a form: the name is given as it reads, the value as it was written."""

    def redact_pair(pair: str) -> str:
        name, _, value = pair.partition("=")
        shown = redact_value(unquote_plus(name), value)
        return pair if shown == value else f"{name}={shown}"

    return "&".join(map(redact_pair, text.split("&")))


def _paths(rules: Rules) -> list[Path]:
    return [path for text in rules.paths for path in readings(text)]


def _redact_body(body: bytes, content_type: str, rules: Rules, marks: Marks) -> bytes:
    if not body:
        return body
    # At its end `**` is what lies below, piece by piece: not the thing itself.
    paths = Paths((*path, Wild.ONE) if path[-1] is Wild.MANY else path for path in _paths(rules))
    # JSON is JSON, whatever its sender calls it: read as a form it would be one long name, and names are shown.
    if content_type.partition(";")[0].strip().lower() == _FORM and body.lstrip()[:1] not in (b"{", b"["):
        return _redact_form(body, paths, marks)
    try:
        if (document := read_json_text(body)) is not None:
            shown = _Masker(document.text, paths, marks).mask(paths.start)
            return body if shown == document.text else document.encode(shown)
    except RecursionError:
        pass
    return f"{MASK} ({len(body)} bytes, neither JSON nor a form)".encode() if rules.paths else body


def _redact_form(body: bytes, paths: Paths, marks: Marks) -> bytes:
    text = body.decode("utf-8", "surrogateescape")
    return _redact_pairs(text, lambda name, value: _redact_field(name, value, paths, marks)).encode(
        "utf-8", "surrogateescape"
    )


def _redact_field(name: str, value: str, paths: Paths, marks: Marks) -> str:
    further = paths.behind(paths.start, name)
    plain = unquote_plus(value)
    document = read_json_text(plain.encode(errors="replace")) if plain[:1] in OPENING else None
    if paths.is_meant(further) or (_is_credential(name) and document is None):
        return marks.put(value)
    if document is None:
        return value
    try:
        shown = _Masker(document.text, paths, Marks()).mask(further)
    except RecursionError:
        return marks.put(value)
    if shown == document.text:
        return value
    # What is to come back has to come back as it was written: in pieces of an encoded text it could not.
    return marks.put(value) if marks.is_lasting else quote_plus(shown).replace(quote_plus(MASK), MASK)


def _is_credential(name: str) -> bool:
    return name.lower() in _CREDENTIALS


class _Masker:
    """Goes through a document once, with all paths at the same time; all but what it hides stays as it is."""

    def __init__(self, text: str, paths: Paths, marks: Marks) -> None:
        self._text, self._paths, self._marks = text, paths, marks
        self._tokens = tokens(text)
        self._pieces: list[str] = []
        self._end = 0  # of what is in the pieces

    def mask(self, here: int) -> str:
        """Give the text with what paths lead to from here, and credentials, replaced. Raises RecursionError."""
        if (first := next(self._tokens)[0]) in OPENING:
            self._look_into(first, here, 0)
        return "".join([*self._pieces, self._text[self._end :]])

    def _look_into(self, opening: str, here: int, depth: int) -> None:
        """Go through the members of what has just begun."""
        if depth > DEPTH_MAX:
            raise RecursionError
        place = 0
        while (word := (token := next(self._tokens))[0]) not in CLOSING:
            if word == ",":
                continue
            name, place = str(place), place + 1
            if opening == "{":
                name, _, token = read_name(word), next(self._tokens), next(self._tokens)
            self._look_at(name, token, self._paths.behind(here, name), depth)

    def _look_at(self, name: str, first: Token, here: int, depth: int) -> None:
        word = first[0]
        if self._paths.is_meant(here) or (_is_credential(name) and word not in (*OPENING, "null")):
            start, end = first.start(), self._pass_over(first)
            self._pieces += [self._text[self._end : start], f'"{self._marks.put(self._text[start:end])}"']
            self._end = end
        elif word in OPENING:
            self._look_into(word, here, depth + 1)

    def _pass_over(self, token: Token) -> int:
        """Go to the end of a value; gives where that is."""
        depth = int(token[0] in OPENING)
        while depth:
            token = next(self._tokens)
            depth += (token[0] in OPENING) - (token[0] in CLOSING)
        return token.end()
