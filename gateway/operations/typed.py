"""Typed: a request as the fields of a form hold it, and the request again that a person has typed there.

Takes a head and a body as they came in, and what of them is hidden; gives texts for the fields: JSON laid out, hidden
values as numbered marks. Takes the texts back: what nobody touched goes out as it came in, blanks and all, and a mark
as what it stands for. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Any

import orjson

from gateway.errors import OperatorError
from gateway.operations.json_text import JsonText, lay_out, read_json_text, take_apart
from gateway.operations.layout import LAID_OUT_BYTES_MAX, LAID_OUT_DEPTH_MAX
from gateway.operations.redaction import MASK, Marks, Redacted, Rules, redact, write_rules

_DOT = MASK[0]
_DOTS_MAX = 16
# Brackets in brackets are laid out to a hundred times their length; then they are edited as they were written.
_FIELD_CHARACTERS_MAX = 2 * 1024 * 1024
# One mark may stand for a megabyte, and be typed a million times.
_PUT_BACK_CHARACTERS_MAX = 16 * 1024 * 1024
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class NumberedMarks(Marks):
    """Marks of which each stands for one value, and that are nowhere in the request: a longer row of dots than any."""

    is_lasting = True

    def __init__(self, *texts: str) -> None:
        longest = max((len(row) for text in texts for row in re.findall(f"{_DOT}{{{len(MASK)},}}", text)), default=0)
        # A sender of dots alone would have as many written for each value: a hash is nowhere either, and short.
        short = _DOT * max(longest + 1, len(MASK))
        self._dots = short if longest < _DOTS_MAX else f"{MASK}{_hash(*texts)}{_DOT}"
        self._hidden: list[str] = []

    def put(self, hidden: str) -> str:
        self._hidden.append(hidden)
        return f"{self._dots}{len(self._hidden)}"

    def put_back(self, text: str, *, quote: str = "") -> str:
        """Give a text with what its marks stand for. Raises OperatorError for a mark that is not whole."""
        if not self._hidden:
            return text
        mark = re.compile(f"{quote}{self._dots}([1-9][0-9]{{0,8}})(?![0-9]){quote}")
        if self._dots in mark.sub("", text):
            raise OperatorError(f"{self._dots} stands for a masked value: leave it whole, or write another value")
        if sum(len(self._standing_for(found)) for found in mark.finditer(text)) > _PUT_BACK_CHARACTERS_MAX:
            raise OperatorError("masked values are put back too often: the copy would be larger than any body")
        return mark.sub(self._standing_for, text)

    def _standing_for(self, mark: re.Match[str]) -> str:
        if int(mark[1]) > len(self._hidden):
            raise OperatorError(f"{mark[0]} stands for nothing: no masked value has this number")
        return self._hidden[int(mark[1]) - 1]


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields. `body` None: no field can hold it, and it stays as it is; `masked_as` names the rules that mask."""

    head: dict[str, Any]
    headers: str
    query: str
    body: str | None
    masked_as: str
    is_masked: bool
    _marks: NumberedMarks
    _written: str  # the body as it came in, but for marks
    _json: JsonText | None

    def read_headers(self, typed: str) -> str | None:
        """Give the lines of headers; None where nothing was touched. Raises OperatorError, as the others do."""
        typed = _unix(typed)
        return None if typed == self.headers else self._marks.put_back(typed)

    def read_query(self, typed: str) -> str | None:
        return None if typed == self.query else self._marks.put_back(typed)

    def read_body(self, typed: str) -> bytes | None:
        if self.body is None or _unix(typed) == _unix(self.body):
            return None
        join = _join_lines if self.body == self._written else _join_tokens
        return _put_back(join(self._written, _unix(typed)), self._marks, self._json)


def as_typed(head: bytes, body: bytes, rules: Rules | None) -> Typed:
    """Put a request into fields; without rules nothing is masked."""
    marks = NumberedMarks(head.decode(), _text(body, read_json_text(body)) or "")
    shown = redact(head, body, rules, marks) if rules is not None else Redacted(orjson.loads(head), body, False)
    document = read_json_text(shown.body)
    written = _text(shown.body, document)
    # What is masked whole does not come back, nor does what two encodings are mixed in: nobody edits that here.
    is_sound = written is not None and _comes_back(written, marks, document, body)
    return Typed(
        head=shown.head,
        headers="\n".join(f"{name}: {value}" for name, value in shown.head.get("headers", [])),
        query=shown.head.get("query", ""),
        body=_field(written, is_json=document is not None) if written is not None and is_sound else None,
        masked_as="" if rules is None else _hash(write_rules(rules)),
        is_masked=shown.is_masked,
        _marks=marks,
        _written=written or "",
        _json=document,
    )


def _hash(*texts: str) -> str:
    return sha256("".join(texts).encode(errors="replace")).hexdigest()[:16]


def _comes_back(written: str, marks: NumberedMarks, document: JsonText | None, body: bytes) -> bool:
    try:
        return _put_back(written, marks, document) == body
    except OperatorError:  # what stands for a body that is masked whole may look like a mark
        return False


def _put_back(written: str, marks: NumberedMarks, document: JsonText | None) -> bytes:
    if document is None:
        return marks.put_back(written).encode(errors="replace")
    return document.encode(marks.put_back(written, quote='"'))


def _text(body: bytes, document: JsonText | None) -> str | None:
    if document is not None:
        return document.text
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _field(written: str, *, is_json: bool) -> str | None:
    """Give what a field of a form can hold: neither a NUL nor half a character; a small document laid out."""
    if "\0" in written or written != written.encode(errors="replace").decode():
        return None
    is_small = len(written) <= LAID_OUT_BYTES_MAX
    laid_out = lay_out(written, LAID_OUT_DEPTH_MAX) if is_json and is_small else None
    return laid_out if laid_out and len(laid_out) <= _FIELD_CHARACTERS_MAX else written


def _unix(text: str) -> str:
    """Write the ends of lines as one: a browser sends its own."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _join_tokens(written: str, typed: str) -> str:
    """Give what was typed with the blanks of what was written, as far as that is still there."""
    (gaps, ours), (new_gaps, theirs) = take_apart(written), take_apart(typed)
    if len(ours) != len(theirs):
        same, end = _common(ours, theirs)
        gaps = [*gaps[:same], *new_gaps[same : len(new_gaps) - end], *gaps[len(gaps) - end :]]
    return "".join(chain.from_iterable(zip(gaps, [*theirs, ""], strict=True)))


def _join_lines(written: str, typed: str) -> str:
    """Give what was typed with the lines of what was written around it, their ends as they were."""
    ours, theirs = _LINE.findall(written), _LINE.findall(typed)
    same, end = _common([_unix(line) for line in ours], theirs)
    new = "".join(theirs[same : len(theirs) - end])
    if "\r\n" in written:
        new = new.replace("\n", "\r\n")
    return "".join([*ours[:same], new, *ours[len(ours) - end :]])


def _common(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Count what two rows have in common at their beginning, and at the end of the rest."""
    shorter = min(len(one), len(other))
    same = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    left = shorter - same
    end = next((place for place in range(left) if one[-1 - place] != other[-1 - place]), left)
    return same, end
