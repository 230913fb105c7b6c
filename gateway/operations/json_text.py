"""JSON text: a document as its sender wrote it.

Takes bytes, gives the text with where each token stands, and the bytes again. Nothing is read into numbers and
dictionaries on the way, so that what is not meant stays as it was written: 19.90, 1E3, a name that comes twice.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Strings, marks, and runs of anything else. In text that is no JSON a string may have no end: then all is of it that
# follows, and nothing is looked at twice.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:,]|[^ \t\n\r{}\[\]:,"]+', re.DOTALL)
_BYTE_ORDER_MARK = "\ufeff"
_OF_MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),  # first: they begin as the others do
    *((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8")),
)
Token = re.Match[str]
OPENING, CLOSING = ("{", "["), ("}", "]")


@dataclass(frozen=True, slots=True)
class JsonText:
    text: str
    encoding: str
    mark: str  # of the order of bytes, before the text

    def encode(self, text: str) -> bytes:
        """Give a text as this one came in."""
        return (self.mark + text).encode(self.encoding, "surrogatepass")


def read_json_text(body: bytes) -> JsonText | None:
    """Read what any reader of JSON takes; None for what is no JSON, or nested deeper than one reads."""
    try:
        encoding = _encoding(body)
        text = body.decode(encoding, "surrogatepass")
        mark = _BYTE_ORDER_MARK * text.startswith(_BYTE_ORDER_MARK)
        text = text.removeprefix(mark)
        json.loads(text, parse_int=float)  # a float takes any number of digits
    except (ValueError, RecursionError):
        return None
    return JsonText(text, encoding, mark)


def _encoding(body: bytes) -> str:
    """Name the encoding, so that a mark of the order of bytes stays in the text."""
    return next((name for mark, name in _OF_MARKS if body.startswith(mark)), json.detect_encoding(body))


def tokens(text: str) -> Iterator[Token]:
    return _TOKEN.finditer(text)


def take_apart(text: str) -> tuple[list[str], list[str]]:
    """Give what stands between tokens, before the first and behind the last too; and the tokens."""
    gaps, words, end = [], [], 0
    for found in tokens(text):
        gaps.append(text[end : found.start()])
        words.append(found[0])
        end = found.end()
    return [*gaps, text[end:]], words


def read_name(token: str) -> str:
    """Read the name of a member from its token."""
    return str(json.loads(token)) if "\\" in token else token[1:-1]


def lay_out(text: str, depth_max: int, spell: Callable[[str], str] = str) -> str | None:
    """Indent a document, each token as it was written or as `spell` has it; None for one that is too deep."""
    pieces: list[str] = []
    depth, before = 0, ""
    for word in (found[0] for found in tokens(text)):
        depth -= word in CLOSING
        is_empty = word in CLOSING and before in OPENING
        if (word in CLOSING or before in (*OPENING, ",")) and not is_empty:
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if word == ":" else spell(word))
        depth += word in OPENING
        if depth > depth_max:
            return None
        before = word
    return "".join(pieces)
