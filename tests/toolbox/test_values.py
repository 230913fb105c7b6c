"""Reading and cleaning: exact results, and a ValueError that says what is wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import phonenumbers
import pytest

from gateway import toolbox
from gateway.toolbox import (
    dump_json,
    find_all,
    flatten,
    get_path,
    match_text,
    normalize_email,
    normalize_phone,
    parse_csv,
    parse_json,
    parse_ndjson,
    parse_query,
    parse_url,
    parse_xml,
    replace_text,
    search_json,
    slugify,
    split_text,
)

MOMENT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("+43 664 1234567", None, "+436641234567"), ("0664 1234567", "AT", "+436641234567"),
        ("(415) 555-0100", "us", "+14155550100"),
        ("0664 1234567", None, None), ("hello", "AT", None), ("", None, None), (None, None, None),
        ("1" * 200, "US", None),
        ("+1 23", None, None),
    ],
)  # fmt: skip
def test_phones_become_e164_or_nothing(text: str | None, region: str | None, phone: str | None) -> None:
    assert normalize_phone(text, region) == phone


def test_a_number_that_is_e164_already_is_read_as_the_library_reads_it() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        code = phonenumbers.country_code_for_region(region)
        found = phonenumbers.example_number(region)
        assert found is not None
        example = phonenumbers.national_significant_number(found)
        for national in (example, f"0{example}", f"1{example}", f"8{example}", example[:-2], f"{example}99"):
            assert normalize_phone(f"+{code}{national}") == library_phone(f"+{code}{national}"), (region, national)
    for text in ("+99912345678", "+21012345678", "+80012345678", "+0123456789"):
        assert normalize_phone(text) == library_phone(text), text


def library_phone(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_possible else None


def test_an_unknown_region_is_an_error() -> None:
    with pytest.raises(ValueError, match="no region 'XX'"):
        normalize_phone("1", "XX")


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Jo@Example.COM ", "jo@example.com"), ("jo+tag@sub.example.co.uk", "jo+tag@sub.example.co.uk"),
        ("jo@localhost", None), ("jo", None), ("@example.com", None), ("jo@", None), ("jo@exa mple.com", None),
        ("a@b@example.com", None), ("jo..x@example.com", None), (".jo@example.com", None), ("jo@-x.com", None),
        ("jo@x-.com", None), ("jo@x..com", None), ("Jo <jo@example.com>", None), ("x" * 65 + "@example.com", None),
        ("x" * 64 + "@e.com", "x" * 64 + "@e.com"), ("a@" + "b" * 63 + ".com", "a@" + "b" * 63 + ".com"),
        ("a@" + "b" * 64 + ".com", None), ("jo.@example.com", None), ("jo@example.com.", None), ("jo@ex_a.com", None),
        ("jö@exämple.com", "jö@exämple.com"), ("jo\x00@example.com", None), ("jo@example.com\n", "jo@example.com"),
        ("a@" + "b" * 300 + ".com", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_emails_become_one_lower_case_address_or_nothing(text: str | None, email: str | None) -> None:
    assert normalize_email(text) == email


def test_json_is_written_and_read_exactly() -> None:
    value = {"b": [1, 2.5, None, True], "a": "é", "id": 10**25}
    assert dump_json(value) == '{"b":[1,2.5,null,true],"a":"é","id":10000000000000000000000000}'
    assert parse_json(dump_json(value)) == value
    assert dump_json({"b": 1, "a": Decimal("1.50"), "t": MOMENT}, sort_keys=True) == (
        '{"a":"1.50","b":1,"t":"2024-05-01T12:00:00Z"}'
    )


def shared_many_times() -> list[Any]:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    return value


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), shared_many_times()])
def test_json_that_cannot_be_written_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        dump_json(value)


class Dict(dict):
    pass


@pytest.mark.parametrize("value", [{1: 2}, {1, 2}, b"x", object(), Dict(), [Dict()]])
def test_only_plain_values_are_written_or_searched(value: Any) -> None:
    for use in (dump_json, lambda v: search_json("@", v)):
        with pytest.raises(TypeError):
            use(value)


def test_jmespath_finds_plain_values() -> None:
    order = {"items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 3}]}
    assert search_json("items[?qty > `1`].sku", order) == ["B"]
    assert search_json("nothing.here", order) is None


@pytest.mark.parametrize("expression", ["[", "", "sum(@)", "nope(@)", "(" * 500, "x" * 2_001])
def test_a_jmespath_that_cannot_be_used_is_a_value_error(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        search_json(expression, {"a": 1})


def test_jmespath_never_hands_out_an_object_of_its_own() -> None:
    with pytest.raises((TypeError, ValueError)):
        search_json("&a", {"a": 1})


def test_a_path_is_followed_through_dicts_and_lists() -> None:
    value = {"a": {"b": [{"c": None}, 7]}}
    assert get_path(value, "a.b.1") == 7
    assert get_path(value, "a.b.0.c", "default") is None
    for missing in ("a.b.2", "a.x", "a.b.-1", "a.b.1.c", "a.b.²", "a.b.99999999999"):
        assert get_path(value, missing, "default") == "default"


def test_flatten_makes_dotted_names_and_keeps_lists() -> None:
    assert flatten({"a": {"b": {"c": 1}}, "d": [{"e": 1}], "f": None, "g": {}}) == {
        "a.b.c": 1,
        "d": [{"e": 1}],
        "f": None,
    }
    with pytest.raises(ValueError, match=r"two values are named a\.b"):
        flatten({"a": {"b": 1}, "a.b": 2})


def test_csv_is_read_by_its_header_or_without() -> None:
    text = '\ufeffname;note\r\n"Zoë ""Z""";"two\nlines"\r\n\r\n'
    assert parse_csv(text, ";") == [{"name": 'Zoë "Z"', "note": "two\nlines"}]
    assert parse_csv("a,b\n1,2", has_header=False) == [["a", "b"], ["1", "2"]]
    assert parse_csv("") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1", "line 2 has 1 cells"),
        ("a,a\n1,2", "twice"),
        ('a\n"x', "not CSV"),
        ("a\n" + "1\n" * 100_001, "more than 100000"),
    ],
)
def test_a_broken_table_names_its_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_csv(text)


def test_ndjson_is_read_line_by_line() -> None:
    assert parse_ndjson('{"a": 1}\n\n[2]\r\n') == [{"a": 1}, [2]]
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        parse_ndjson("1\n{")


def test_xml_becomes_dicts_lists_and_text() -> None:
    text = '<?xml version="1.0"?><s:o xmlns:s="urn:x" id="7"><sku> A </sku><sku/><sku>C</sku>'
    text += '<p c="EUR">1</p><!-- x --></s:o>'
    assert parse_xml(text) == {"o": {"@id": "7", "sku": ["A", "", "C"], "p": {"@c": "EUR", "#text": "1"}}}
    assert parse_xml("<a>&lt;é</a>".encode()) == {"a": "<é"}
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'
    assert parse_xml(declared) == parse_xml(declared.encode("latin-1")) == {"a": "é"}
    assert parse_xml("<a>é</a>".encode("utf-16")) == {"a": "é"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DTD"),
        ("<a>", "not XML"),
        ("", "not XML"),
        ("<a>&x;</a>", "not XML"),
        ("<a>" * 200 + "</a>" * 200, "more than 100 levels"),
        ("<a>" + "<b/>" * 200_001 + "</a>", "parts"),
        (b'<?xml version="1.0" encoding="punycode"?><a/>', "charset 'punycode'"),
        (b"<a>\xff</a>", "not utf-8"),
    ],
)
def test_xml_that_is_broken_or_dangerous_is_a_value_error(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_xml(text)


def test_patterns_give_plain_dicts() -> None:
    assert match_text(r"(?P<n>\d+)-(x)?", "é 42-") == {
        "text": "42-", "start": 2, "end": 5, "groups": ["42", None], "named": {"n": "42"},
    }  # fmt: skip
    assert match_text("^a$", "b") is None
    assert [found["text"] for found in find_all(r"#\w+", "#a b #c")] == ["#a", "#c"]
    assert split_text(r"\s*[,;]\s*", "a , b;c") == ["a", "b", "c"]


def test_a_replacement_knows_groups_and_nothing_else() -> None:
    assert replace_text(r"(?P<a>\w)(\w)", r"\2\g<a>[\0]\\n\q", "xy") == r"yx[xy]\n\q"
    assert replace_text(r"[^0-9.]", "", "€ 1,299.00") == "1299.00"
    assert replace_text("x*", "-", "ab") == "-a-b-"
    with pytest.raises(ValueError, match="does not have"):
        replace_text("a", r"\1", "a")
    with pytest.raises(ValueError, match="longer than"):
        replace_text("a", "x" * 10_000, "a" * 10_000)


def test_patterns_that_would_blow_up_elsewhere_are_quick_and_unknown_syntax_is_an_error() -> None:
    assert match_text(r"^(a+)+$", "a" * 50_000 + "b") is None
    for pattern in ("(", r"(a)\1", "(?=a)", "a{1001}", "((a{100}){100}){100}", "x" * 2_001):
        with pytest.raises(ValueError, match="pattern"):
            match_text(pattern, "a")


def test_urls_are_taken_apart() -> None:
    assert parse_url("HTTPS://Example.com:8443/p?a=1&a=2&b=#f") == {
        "scheme": "https", "host": "example.com", "port": 8443, "path": "/p",
        "query": {"a": "1", "b": ""}, "fragment": "f",
    }  # fmt: skip
    assert parse_query("?a=1&a=2").get_all("a") == ["1", "2"]
    with pytest.raises(ValueError, match=r".+"):
        parse_url("http://x:99999/")


@pytest.mark.parametrize(
    ("text", "slug"), [("Crème & Co.", "creme-co"), ("--A--", "a"), ("日本", ""), ("x" * 200, "x" * 100)]
)
def test_slugs_are_plain(text: str, slug: str) -> None:
    assert slugify(text) == slug


def test_encodings_go_both_ways_and_are_strict() -> None:
    assert toolbox.decode_base64(toolbox.encode_base64(b"\xfb\xff")) == b"\xfb\xff"
    assert toolbox.encode_base64url(b"\xfb\xff") == "-_8"
    assert toolbox.decode_base64url("-_8") == toolbox.decode_base64url("-_8=") == b"\xfb\xff"
    assert toolbox.hex_digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (
        toolbox.hmac_hex("key", "The quick brown fox jumps over the lazy dog", "md5")
        == "80070713463e7749b90c2dc24911e275"
    )
    for text in ("a", "a b=", "-_8="):
        with pytest.raises(ValueError, match="not base64"):
            toolbox.decode_base64(text)
    with pytest.raises(ValueError, match="key is empty"):
        toolbox.hmac_base64("", "x")
