"""Masked, laid out, typed and sent again: what nobody touched is what came in, byte for byte."""

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import OperatorError
from gateway.operations.json_text import lay_out, read_json_text, tokens
from gateway.operations.layout import show_body
from gateway.operations.redaction import MASK, Rules, redact
from gateway.operations.typed import Typed, as_typed

HOSTILE = b'{"price":19.90,"f":0.1000000000000000055511151231257827,"dup":1,"dup":2,"n":1E3,"email":"ann@example.com"}'
HEAD = orjson.dumps({"content_type": "application/json"})
EMAIL = Rules(paths=("**.email",))

blanks = st.text(" \t\n\r", max_size=2)
names = st.one_of(st.sampled_from(["email", "e\\u006dail", "dup", "token", "•••", "•••1"]), st.text("ab•", max_size=4))
scalars = st.one_of(
    st.sampled_from(
        ["1E3", "-0", "19.90", "1" * 5000, "1e400", "NaN", "true", "null", '"\\ud800"', '"\\"]}"', '"•••2"']
    ),
    st.text(max_size=5).map(lambda text: json.dumps(text)),
    st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)),
)


def _containers(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(blanks, names, blanks, inside, blanks).map(lambda m: f'{m[0]}"{m[1]}"{m[2]}:{m[3]}{m[4]}')
    element = st.tuples(blanks, inside, blanks).map("".join)
    objects = st.lists(member, max_size=4).map(lambda parts: "{" + ",".join(parts) + "}")
    return st.one_of(objects, st.lists(element, max_size=4).map(lambda parts: "[" + ",".join(parts) + "]"))


documents = st.recursive(scalars, _containers, max_leaves=12)


def typed(body: bytes, rules: Rules | None = EMAIL) -> Typed:
    return as_typed(HEAD, body, rules)


def sent(body: bytes, old: str, new: str, rules: Rules | None = EMAIL) -> bytes | None:
    """Give what goes out where somebody replaces a text in the field, in a browser."""
    fields = typed(body, rules)
    assert fields.body is not None
    assert old in fields.body
    return fields.read_body(by_browser(fields.body.replace(old, new)))


def by_browser(text: str) -> str:
    return re.sub("\r\n|\r|\n", "\r\n", text)


def parsed(text: str) -> Any:
    """Read a document so that nothing of it is lost: every member and every digit."""
    return json.loads(
        text, object_pairs_hook=lambda pairs: ("object", pairs), parse_int=str, parse_float=str, parse_constant=str
    )


def hidden(value: Any) -> Any:
    """Mask a parsed document, in the plainest way there is."""
    if isinstance(value, tuple):
        return ("object", [(name, MASK if is_hidden(name, inside) else hidden(inside)) for name, inside in value[1]])
    return [hidden(inside) for inside in value] if isinstance(value, list) else value


def is_hidden(name: str, value: Any) -> bool:
    return name == "email" or (name == "token" and value is not None and not isinstance(value, tuple | list))


@given(documents)
def test_all_but_what_is_masked_is_byte_for_byte_and_what_is_masked_is_gone(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    shown = redact(HEAD, body, EMAIL).body.decode()
    marked = typed(body).body
    assert parsed(shown) == hidden(parsed(text))
    end = 0
    for piece in shown.split(f'"{MASK}"'):
        start = text.find(piece, end)
        assert start >= 0, "what is not masked stands there as it was written"
        end = start + len(piece)
    if marked is not None:
        assert typed(body).read_body(by_browser(marked)) is None, "nothing was touched"


@given(documents, st.integers(0, 1000))
def test_one_edited_literal_is_all_that_changes(text: str, number: int) -> None:
    body = f'{{ "x":  {text},"y" :1.0}}'.encode("utf-8", "surrogatepass")
    fields, before = typed(body, None), list(tokens(body.decode("utf-8", "surrogatepass")))
    assert fields.body is not None
    words = list(tokens(fields.body))
    literals = [place for place, word in enumerate(words) if word[0] not in "{}[]:,"]
    place = literals[number % len(literals)]
    after = fields.read_body(fields.body[: words[place].start()] + "'typed'" + fields.body[words[place].end() :])
    expected = body.decode()[: before[place].start()] + "'typed'" + body.decode()[before[place].end() :]
    assert after == expected.encode()


@given(documents)
def test_laid_out_a_document_has_the_same_words(text: str) -> None:
    laid_out = lay_out(text, 64)
    assert laid_out is not None
    assert [found[0] for found in tokens(laid_out)] == [found[0] for found in tokens(text)]


def test_numbers_and_names_that_come_twice_are_shown_and_sent_as_they_were_written() -> None:
    masked = redact(HEAD, HOSTILE, EMAIL).body
    assert masked == HOSTILE.replace(b'"ann@example.com"', f'"{MASK}"'.encode())
    for literal in ('"price": 19.90,', '"f": 0.1000000000000000055511151231257827,', '"dup": 1,', '"n": 1E3,'):
        assert literal in show_body(HOSTILE)
        assert literal in show_body(masked)
    assert sent(HOSTILE, '"•••1"', '"bob@example.com"') == HOSTILE.replace(b"ann@", b"bob@")
    assert sent(HOSTILE, "19.90", "20.00") == HOSTILE.replace(b"19.90", b"20.00"), "the masked one is put back"
    assert sent(HOSTILE, "ann@", "bob@", None) == HOSTILE.replace(b"ann@", b"bob@")


def test_members_are_added_and_taken_away_and_the_rest_keeps_its_blanks() -> None:
    body = b'{ "a" : 1 ,\r\n\t"b":2,   "c" : [ ] }\r\n'
    assert sent(body, '"b": 2', '"b": 2,\n  "new": 3') == b'{ "a" : 1 ,\r\n\t"b":2,\n  "new": 3,\n  "c" : [ ] }\r\n'
    assert sent(body, '  "b": 2,\n', "") == b'{ "a" : 1 ,\n  "c" : [ ] }\r\n'
    assert sent(body, '"c": []', '"c": [') == b'{ "a" : 1 ,\r\n\t"b":2,   "c" : [\n}\r\n', (
        "also what is no JSON any more"
    )
    assert sent(b"12", "12", '"') == b'"'


@pytest.mark.parametrize(
    ("body", "old", "new", "expected"),
    [
        (b"one\r\ntwo\r\nthree", "two", "2\n2.5", b"one\r\n2\r\n2.5\r\nthree"),
        (b"one\rtwo\nthree\n", "three", "3", b"one\rtwo\n3\n"),
        ("ä=ö\n".encode(), "ö", "o", "ä=o\n".encode()),
        ('\ufeff{"a": "ä", "b":1}'.encode(), "1", "2", '\ufeff{"a": "ä", "b":2}'.encode()),
        ('{"a": "ä", "b":1}'.encode("utf-16"), "1", "2", '{"a": "ä", "b":2}'.encode("utf-16")),
        ('{"a": "ä", "b":1}'.encode("utf-32-be"), "1", "2", '{"a": "ä", "b":2}'.encode("utf-32-be")),
    ],
)
def test_text_keeps_its_ends_of_lines_and_its_encoding(body: bytes, old: str, new: str, expected: bytes) -> None:
    assert sent(body, old, new, None) == expected


def test_a_large_body_is_not_laid_out_and_keeps_what_was_not_touched() -> None:
    body = b'{"pad": "' + b"x" * 300_000 + b'",\r\n "n" : 1.10,\r\n "m" : 1}'
    assert sent(body, '"m" : 1', '"m" : 2') == body[:-2] + b"2}"


def test_what_no_field_can_hold_or_what_is_masked_whole_stays_as_it_is() -> None:
    deep = b'{"a":' * 150 + b"1" + b"}" * 150
    for body in (b"\xff\xfe\x00", b"a\0b", b"<email>ann</email>", deep, b'"\xed\xa0\x80"'):
        fields = typed(body)
        assert fields.body is None
        assert fields.read_body("typed") is None
    assert typed(deep, None).body is not None
    signed = orjson.dumps({"headers": [["x-signature", "s1gned"]]})
    assert as_typed(signed, b"<email>ann</email>", EMAIL).body is None, "also where something else is masked by itself"
    assert typed(b"{}", None).read_body('"•••1"') == '"•••1"'.encode(), "nothing is masked: dots are dots"
    assert typed(b"<email>ann</email>", None).body == "<email>ann</email>"


def test_a_body_that_is_masked_whole_beside_a_masked_header_stays_as_it_is() -> None:
    fields = as_typed(orjson.dumps({"headers": [["x-signature", "s1gned"]]}), b"<email>ann</email>", EMAIL)
    assert (fields.body, fields.read_body("typed"), fields.headers) == (None, None, "x-signature: •••1")


def test_a_sender_of_dots_alone_does_not_have_as_many_written_for_each_value() -> None:
    body = orjson.dumps(["•" * 100_000, *({"email": number} for number in range(1000))])
    fields = typed(body)
    assert fields.body is not None
    assert len(fields.body) < 200_000
    assert fields.read_body(fields.body.replace(" " * 4, "")) == body, "every value is put back"
    assert fields.read_body(fields.body.replace("•" * 100_000, "few")) == body.replace("•".encode() * 100_000, b"few")


def test_one_masked_value_is_not_put_back_without_end() -> None:
    fields = typed(orjson.dumps({"email": "x" * 1_000_000}))
    with pytest.raises(OperatorError, match="too often"):
        fields.read_body('["•••1"' + ',"•••1"' * 200 + "]")


def test_text_that_is_no_json_any_more_is_taken_apart_in_one_go() -> None:
    """Looked for from each quote, the end of a string that has none would be looked for a million times."""
    typed_in = '{"a": "' + '\\"' * 1_000_000
    assert sent(b'{"a":1 }', '{\n  "a": 1\n}', typed_in) == f'{{"a":{typed_in[5:]}'.encode()


def test_what_would_swell_when_it_is_laid_out_is_edited_as_it_was_written() -> None:
    body = b"[" * 60 + b",".join([b"0"] * 100_000) + b"]" * 60
    assert typed(body).body == body.decode()


def test_a_field_of_a_form_comes_back_as_it_was_also_where_only_a_part_of_it_is_masked() -> None:
    head = orjson.dumps({"content_type": "application/x-www-form-urlencoded"})
    body = b"token=a%20b&payload=%7b%22email%22%3a%22ann%22%7d&text=h+i"
    fields = as_typed(head, body, EMAIL)
    assert fields.body == "token=•••1&payload=•••2&text=h+i"
    assert fields.read_body(fields.body.replace("h+i", "bye")) == body.replace(b"h+i", b"bye")


def test_marks_are_put_back_wherever_they_are_moved_and_never_taken_for_what_was_sent() -> None:
    body = b'{"email":"ann","x":{"email":7},"said":"\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa21"}'
    fields = typed(body)
    assert fields.body is not None
    assert '"said": "•••1"' in fields.body
    assert '"email": "••••1"' in fields.body
    assert fields.read_body('["••••2", "••••1", "••••1", "•••1"]') == '[7, "ann", "ann", "•••1"]'.encode()
    for wrong in ('["••••9"]', '["x••••1"]', '["••••1x"]', "••••1", '["••••"]'):
        with pytest.raises(OperatorError, match="stands for"):
            fields.read_body(wrong)
    assert typed(b'{"a": 1}').read_body('{"a": "••• mine"}') == '{"a": "••• mine"}'.encode(), "where nothing is masked"


def test_headers_and_the_query_are_put_back_too() -> None:
    head = orjson.dumps({"headers": [["x-signature", "s1gned"], ["x-a", "b"]], "query": "token=a%20b&c=d"})
    fields = as_typed(head, b"{}", Rules())
    assert (fields.headers, fields.query) == ("x-signature: •••1\nx-a: b", "token=•••2&c=d")
    assert fields.read_headers("x-signature: •••1\r\nx-a: b") is None
    assert fields.read_headers("x-signature: •••1\r\nx-a: c") == "x-signature: s1gned\nx-a: c"
    assert fields.read_query("c=e&token=•••2") == "c=e&token=a%20b"


def test_what_is_no_json_is_none() -> None:
    for body in (b"", b"{", b"[" * 100_000, b'{"a":1}x', b'"\x01"', b"\xff"):
        assert read_json_text(body) is None
