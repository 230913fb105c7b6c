"""Paths into documents: what they mean, and that each value is looked at once, however many ways lead to it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.operations.paths import Path, Paths, readings
from gateway.operations.payloads import PayloadTest, find_values
from gateway.operations.redaction import Rules, redact
from gateway.store.searching import EventFilter

NAMES = st.sampled_from(["a", "b", "0", "1"])
DOCUMENTS = st.recursive(
    st.integers(0, 9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
PATHS = st.lists(NAMES | st.sampled_from(["*", "**"]), min_size=1, max_size=5).map(".".join)

HEAD = b'{"content_type": "application/json"}'
MANY_WAYS = ["**.x", "**.**.**.**.x", "**.a.**.a.**.a.x", "**.*.*.*.*.*.x", "*.**.*.**.*.**.x", "**.a." * 60 + "x"]
# Brackets in brackets, as deep as JSON is read here; lists of lists; names that each step of a path fits.
HOSTILE: list[Any] = [
    json.loads('[0,{"a":' * 45 + "0" + "}]" * 45),
    [[[0] * 10] * 10] * 10,
    json.loads('{"a":' * 90 + "{}" + "}" * 90),
]


def read(*texts: str) -> list[Path]:
    return [path for text in texts for path in readings(text)]


class Walked(Paths):
    """Paths that count their steps."""

    steps = 0

    def behind(self, here: int, name: str) -> int:
        type(self).steps += 1
        return super().behind(here, name)


def meant(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Say what a path means, as the words of the docstring have it and whatever it costs."""
    if not steps:
        yield value
        return
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if steps[0] in ("*", str(name)):
            yield from meant(member, steps[1:])
        elif steps[0] == "**":
            yield from meant(member, steps)
    if steps[0] == "**":
        yield from meant(value, steps[1:])


def places(document: Any) -> int:
    members = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return sum(1 + places(member) for member in members)


@settings(max_examples=400)
@given(DOCUMENTS, st.lists(PATHS, min_size=1, max_size=3))
def test_what_stands_at_paths_is_what_they_mean(document: Any, paths: list[str]) -> None:
    found = {id(value) for value in find_values(document, Paths(read(*paths)))}
    assert found == {id(value) for path in paths for value in meant(document, path.split("."))}


@pytest.mark.parametrize("document", HOSTILE, ids=["brackets", "lists", "names"])
@pytest.mark.parametrize("path", MANY_WAYS)
def test_a_search_goes_to_each_place_once_however_many_ways_lead_there(document: Any, path: str) -> None:
    Walked.steps = 0
    assert list(find_values(document, Walked(read(path)))) == []
    assert 0 < Walked.steps <= places(document)


@pytest.mark.parametrize("document", HOSTILE, ids=["brackets", "lists", "names"])
def test_masking_goes_to_each_place_once_however_many_rules_there_are(
    document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.operations.redaction.Paths", Walked)
    Walked.steps = 0
    body = orjson.dumps(document)
    assert redact(HEAD, body, Rules(paths=(*MANY_WAYS, *(f"**.p{number}" for number in range(90))))).body == body
    assert 0 < Walked.steps <= places(document)


@pytest.mark.parametrize(
    ("value", "typed", "is_found"),
    [
        (1, "1", True),
        (True, "1", False),
        (1.0, "1", False),
        (1.5, "1.5", True),
        (True, "true", True),
        (None, "null", True),
        ("7", "7", True),
        ("7", '"7"', False),
        ([1, {"b": 2}], '[1,{"b":2}]', True),
        ([1, {"b": 2}], '[1, {"b": 2}]', False),
        ({"b": 1, "a": 2}, '{"a":2,"b":1}', False),
        ("...", "...", True),
        ("x", "[" * 300, False),
        ("x", "[" * 300 + "]" * 300, False),
        ([], "[]", True),
    ],
)
def test_a_value_is_compared_as_a_person_types_it(value: Any, typed: str, is_found: bool) -> None:
    test = PayloadTest(EventFilter(path="here", value=typed), is_raw=True)
    assert test.passes(HEAD, orjson.dumps({"here": value}), Rules()) is is_found


def test_brackets_that_are_too_deep_to_be_written_again_break_no_search() -> None:
    body = b"[" * 900 + b'{"sku": 7}' + b"]" * 900
    for value, is_found in (("7", True), ("8", False), ("[]", False), ("[" * 900 + "]" * 900, False)):
        assert PayloadTest(EventFilter(path="**", value=value), is_raw=True).passes(HEAD, body, Rules()) is is_found
