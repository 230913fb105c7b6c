"""Reading paths: what people write to name a place in a body, and what is refused because it would never match."""

import pytest

from gateway.errors import OperatorError
from gateway.operations.bulk import filter_of
from gateway.operations.paths import CHARACTERS_MAX, STEPS_MAX, Wild, read_path, readings

ONE, MANY = Wild.ONE, Wild.MANY


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("email", ("email",)),
        ("$.email", ("email",)),
        ("$email", ("$email",)),
        ("$set.$email", ("$set", "$email")),
        ("customer.e-mail", ("customer", "e-mail")),
        ("line_items[0].sku", ("line_items", "0", "sku")),
        ("line_items.0.sku", ("line_items", "0", "sku")),
        ("[0].sku", ("0", "sku")),
        ("$[*][12]", (ONE, "12")),
        ("line_items.*.sku", ("line_items", ONE, "sku")),
        ("a[*].*", ("a", ONE, ONE)),
        ("**.phone", (MANY, "phone")),
        ("$.**.phone", (MANY, "phone")),
        ("**[0]", (MANY, "0")),
        ("['first name']", ("first name",)),
        ("$['a.b'][\"it's\"].c", ("a.b", "it's", "c")),
        (r"['it\'s \\']", ("it's \\",)),
        ("['*']", ("*",)),
        ("['']", ("",)),
        ("größe", ("größe",)),
    ],
)
def test_a_path_is_read_as_it_is_written_elsewhere(text: str, steps: tuple[str | Wild, ...]) -> None:
    assert read_path(text) == steps


@pytest.mark.parametrize(
    "text",
    [
        *("", "$", "$.", ".", "a.", ".a", "a..b", "$..sku", "a b", "a,b", "/customer/email", "items[]", "items[-1]"),
        *(
            "items[0:2]",
            "items[?(@.sku)]",
            "items[email]",
            "a.[0]",
            "[0]a",
            "a*",
            "***",
            "['a'",
            "['a]",
            "[01]",
            "a['b'c']",
        ),
        "x" * (CHARACTERS_MAX + 1),
    ],
)
def test_what_can_never_match_is_refused_and_what_is_understood_is_said(text: str) -> None:
    with pytest.raises(OperatorError, match=r"line_items\[0\]\.sku"):
        read_path(text)


def test_what_was_taken_before_brackets_were_understood_still_means_that() -> None:
    assert readings("a.*.b") == (("a", ONE, "b"),)
    assert readings("data[0].x") == (("data", "0", "x"), ("data[0]", "x"))
    assert readings("data[email]") == (("data[email]",),)
    assert readings("$.first name") == (("$", "first name"), ("first name",))


def test_no_path_has_more_steps_than_are_looked_for_however_it_is_written() -> None:
    assert len(read_path("[0]" * STEPS_MAX)) == STEPS_MAX
    for text in ("[0]" * (STEPS_MAX + 1), ".".join("a" * (STEPS_MAX + 1))):
        with pytest.raises(OperatorError, match="at most 128 steps"):
            read_path(text)
    assert [len(path) for path in readings("['" + "." * 300 + "']")] == [1, STEPS_MAX]
    assert [len(path) for path in readings("." * 100_000)] == [STEPS_MAX]


def test_a_job_goes_on_with_a_path_that_nobody_could_ask_for_today() -> None:
    assert filter_of({"filter": "path=%24..sku"}).path == "$..sku"
