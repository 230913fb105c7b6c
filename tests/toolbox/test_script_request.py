"""Request and Context: what a script is handed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from script_requests import build_request

from gateway.toolbox import ATTRIBUTES, Context


def test_headers_are_found_in_any_case_and_given_back_in_lower_case() -> None:
    headers = build_request(headers=[("X-Topic", "a"), ("x-TOPIC", "b"), ("X-Id", "1")]).headers
    assert headers["X-topic"] == "a"
    assert headers.get_all("X-TOPIC") == ["a", "b"]
    assert "x-id" in headers
    assert "nope" not in headers
    assert 7 not in headers
    assert list(headers) == ["x-topic", "x-id"]
    assert headers.items() == [("x-topic", "a"), ("x-topic", "b"), ("x-id", "1")]
    assert headers.get("nope", "-") == "-"
    with pytest.raises(KeyError, match="no header 'X-Nope'"):
        headers["X-Nope"]


def test_a_header_is_asked_for_by_a_plain_text_only() -> None:
    class Sly(str):
        def lower(self) -> str:
            return "authorization"

    with pytest.raises(TypeError, match="must be str, not Sly"):
        build_request().headers.get(Sly("x"))


def test_query_and_form_keep_order_repeats_and_blanks() -> None:
    request = build_request(
        "a=1&a=2&b=&c=%C3%A9+%26", {"Content-Type": "application/x-www-form-urlencoded"}, url="/?q=1&q=2"
    )
    assert request.query.get_all("q") == ["1", "2"]
    assert dict(request.form.items()) == {"a": "2", "b": "", "c": "é &"}
    assert (request.form["a"], request.form.keys(), len(request.form)) == ("1", ["a", "b", "c"], 3)


def test_text_forms_of_a_request_show_no_values() -> None:
    request = build_request("a=1", {"Authorization": "Bearer s3cret"}, url="/?token=s3cret")
    context = Context("shop", "evt_1", {"signing_secret": "s3cret"}, {}, print)
    shown = f"{request!r} {request.headers!r} {request.query!r} {context!r} {context.secrets!r}"
    assert "s3cret" not in shown
    assert "authorization" in shown


def test_received_at_is_exact_to_the_microsecond_and_in_utc() -> None:
    moment = datetime(2038, 1, 19, 3, 14, 8, 123457, tzinfo=UTC)
    assert build_request(received_at=moment).received_at == moment
    assert build_request(received_at=moment).received_at.tzinfo is UTC


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 820982911946154508, 10**30])
def test_long_integers_stay_exact(number: int) -> None:
    assert build_request(f'{{"id": {number}}}').json == {"id": number}


def test_json_is_read_once() -> None:
    request = build_request('{"a": 1}')
    assert request.json is request.json


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b"{}x", "line 1, column 3"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": 12345678901234567890, "b": NaN}', "not JSON"),
        (b'"\xff"', "not JSON"),
        (b"[" * 100_000, "not JSON|too deeply"),
        (b"[" * 900 + b"12345678901234567890" + b"]" * 900 + b"]", "not JSON"),
    ],
)
def test_a_body_that_is_no_json_says_where(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        _ = build_request(body).json
    assert type(caught.value) is ValueError, "the library's error would carry the whole body along"


def test_a_byte_order_mark_before_json_is_skipped() -> None:
    assert build_request(b"\xef\xbb\xbf[1]").json == [1]


def test_json_in_another_charset_is_read_by_it() -> None:
    headers = {"Content-Type": "application/json; charset=ISO-8859-1"}
    assert build_request('{"name": "Zoë"}'.encode("latin-1"), headers).json == {"name": "Zoë"}


def test_text_is_decoded_by_its_charset() -> None:
    assert build_request("é".encode("cp1252"), {"Content-Type": 'text/plain; charset="windows-1252"'}).text == "é"
    with pytest.raises(ValueError, match="not utf-8: byte 1"):
        _ = build_request(b"a\xff").text
    with pytest.raises(ValueError, match="'punycode' of the body is not known"):
        _ = build_request(b"a", {"Content-Type": "text/plain; charset=punycode"}).text


MULTIPART = (
    b'--XX\r\nContent-Disposition: form-data; name="na\\"me"\r\n\r\nZo\xc3\xab\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n'
    b"\x00\r\n--X\r\n\r\n--XX--\r\n"
)


def test_a_multipart_form_gives_fields_and_files() -> None:
    form = build_request(MULTIPART, {"Content-Type": "multipart/form-data; boundary=XX"}).form
    assert form['na"me'] == "Zoë"
    assert form["file"] == {"filename": "a.bin", "content_type": "image/png", "content": b"\x00\r\n--X\r\n"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (MULTIPART[:-10], "multipart/form-data; boundary=XX"),
        (b"", "multipart/form-data; boundary=XX"),
        (MULTIPART, "multipart/form-data"),
        (b"--XX\r\n\r\n\r\n--XX--", "multipart/form-data; boundary=XX"),
        (b"--XX\r\n" * 2_000 + b"--XX--", "multipart/form-data; boundary=XX"),
        (b"a=1&" * 20_000, "application/x-www-form-urlencoded"),
        (b"a=1", "application/json"),
        (b"a=1", ""),
    ],
)
def test_what_is_no_form_is_a_value_error(body: bytes, content_type: str) -> None:
    with pytest.raises(ValueError, match=r"form|multipart"):
        _ = build_request(body, {"Content-Type": content_type}).form


@pytest.mark.parametrize("name", ["method", "body", "headers", "json", "source"])
def test_nothing_of_a_request_or_context_can_be_replaced(name: str, context: Context) -> None:
    target: Any = context if name == "source" else build_request()
    with pytest.raises(AttributeError):
        setattr(target, name, "x")


def test_a_missing_secret_says_how_to_set_it(context: Context) -> None:
    assert context.secrets["signing_secret"] == "s3cret"
    assert context.secrets.get("nope") is None
    assert "nope" not in context.secrets
    with pytest.raises(KeyError) as caught:
        context.secrets["api_key"]
    assert caught.value.args == ('secret "api_key" is not set: hookwright secrets set shop api_key',)


def test_settings_changed_by_one_request_are_not_changed_for_the_next() -> None:
    settings: dict[str, Any] = {"tags": ["a"], "deep": {"x": [1]}}
    first = Context("shop", "evt_1", {}, settings, print).settings
    first["tags"].append("b")
    first["deep"]["x"].clear()
    assert Context("shop", "evt_2", {}, settings, print).settings == {"tags": ["a"], "deep": {"x": [1]}}


def test_log_hands_its_values_on() -> None:
    lines: list[tuple[Any, ...]] = []
    Context("shop", "evt_1", {}, {}, lambda *values: lines.append(values)).log("a", 1)
    assert lines == [("a", 1)]


def test_respond_sets_a_checked_reply(context: Context) -> None:
    assert context.reply is None
    context.respond(201, {"ok": True}, headers={"X-A": "b"})
    assert context.reply == (201, b'{"ok":true}', "application/json", (("X-A", "b"),))
    with pytest.raises(ValueError, match="200 to 299"):
        context.respond(302)


def test_every_attribute_that_scripts_may_read_exists() -> None:
    for kind, names in ATTRIBUTES.items():
        for name in names:
            assert name == "args" or hasattr(kind, name), (kind, name)
            assert not name.startswith("_")


def test_no_clock_hides_among_the_attributes() -> None:
    clocks = {"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp", "astimezone", "reply"}
    assert not clocks & set().union(*ATTRIBUTES.values())
