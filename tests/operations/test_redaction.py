"""What people see of a raw request: credentials never, what the source's rules name neither; the rest as it came."""

import base64
import json
from typing import Any

import orjson
import pytest
from running import WORD, Running

from gateway.errors import NotFound, OperatorError
from gateway.operations import events, keeping
from gateway.operations.layout import show_body
from gateway.operations.redaction import MASK, Redacted, Rules, redact
from gateway.operations.requests import show_request
from gateway.store.requests import load_request
from gateway.store.sources import update_source

ORDER = {
    "id": 12345678901234567890,
    "email": "ann@example.com",
    "cart_token": "c1",
    "customer": {"first_name": "Ann", "phone": "+1", "addresses": [{"phone": "+2", "city": "Ottawa"}]},
    "line_items": [{"name": "Shirt", "price": "1.10"}, {"name": "Sock", "price": "2.00"}],
}


def masked(document: Any, *paths: str) -> Any:
    return json.loads(redacted(json.dumps(document).encode(), *paths).body)


def redacted(
    body: bytes, *paths: str, content_type: str = "application/json", headers: tuple[str, ...] = ()
) -> Redacted:
    return redact(orjson.dumps({"content_type": content_type}), body, Rules(headers, paths))


def test_a_path_masks_what_it_names_and_nothing_else() -> None:
    shown = masked(ORDER, "customer.first_name")
    assert shown["customer"] == ORDER["customer"] | {"first_name": MASK}
    assert {name: value for name, value in shown.items() if name != "customer"} == {
        name: value for name, value in ORDER.items() if name != "customer"
    }


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("line_items.*.name", ["1.10", "2.00"]),
        ("line_items.0.name", ["Sock", "1.10", "2.00"]),
        ("line_items.*", []),
        ("line_items", []),
        ("**.name", ["1.10", "2.00"]),
        ("**.line_items.**.name", ["1.10", "2.00"]),
        ("*.0.price", ["Shirt", "Sock", "2.00"]),
        ("line_items.name", ["Shirt", "Sock", "1.10", "2.00"]),
        ("line_items.**", []),
        ("$.line_items[0].name", ["Sock", "1.10", "2.00"]),
        ("line_items[*].name", ["1.10", "2.00"]),
        ("$['line_items'][1][\"price\"]", ["Shirt", "Sock", "1.10"]),
    ],
)
def test_stars_stand_for_one_name_and_double_stars_for_any_number(path: str, left: list[str]) -> None:
    shown = json.dumps(masked(ORDER, path))
    assert sorted(word for word in ("Shirt", "Sock", "1.10", "2.00") if f'"{word}"' in shown) == sorted(left)


def test_a_rule_that_was_taken_before_brackets_were_understood_hides_what_it_hid() -> None:
    form = "application/x-www-form-urlencoded"
    for rule in ("data[email]", "data[0]", "['data[email]']"):
        name = rule.removeprefix("['").removesuffix("']")
        assert redacted(f"{name}=ann&id=7".encode(), rule, content_type=form).body == f"{name}={MASK}&id=7".encode(), (
            rule
        )
    assert masked({"first name": "Ann", "$": {"x": 1}}, "first name", "$.x") == {"first name": MASK, "$": {"x": MASK}}


def test_many_wild_steps_are_looked_at_once_each() -> None:
    """Counted as ways instead of places they are more than there are atoms."""
    document: Any = "deep"
    for _ in range(90):
        document = {"a": document}
    shown = masked(document, ".".join(["**", "a"] * 40))
    assert "deep" not in json.dumps(shown)


def test_double_stars_reach_every_depth_also_none() -> None:
    shown = masked({"phone": "0", **ORDER}, "**.phone")
    assert (shown["phone"], shown["customer"]["phone"], shown["customer"]["addresses"][0]["phone"]) == (MASK,) * 3
    assert shown["customer"]["addresses"][0]["city"] == "Ottawa"


def test_where_nothing_is_masked_the_bytes_are_those_that_came_in() -> None:
    body = b'{ "b": 1.10,\n "a": 1e400, "a": 2 }'
    assert redacted(body).body is body
    assert not redacted(body, "customer.email").is_masked


def test_credentials_in_a_body_are_masked_without_a_rule_and_carts_are_not() -> None:
    shown = masked({"token": "t", "nested": [{"client_secret": "s"}], "cart_token": "c", "secret": {"kind": "none"}})
    assert shown == {"token": MASK, "nested": [{"client_secret": MASK}], "cart_token": "c", "secret": {"kind": "none"}}


@pytest.mark.parametrize(
    ("name", "is_hidden"),
    [
        ("authorization", True),
        ("cookie", True),
        ("x-api-key", True),
        ("x-hub-signature-256", True),
        ("X-Shopify-Hmac-Sha256", True),
        ("stripe-signature", True),
        ("x-gitlab-token", True),
        ("X-Customer", True),
        ("content-type", False),
        ("x-shopify-topic", False),
        ("user-agent", False),
    ],
)
def test_headers_that_prove_who_sends_are_masked_and_those_of_the_rules(name: str, is_hidden: bool) -> None:
    head = orjson.dumps({"headers": [[name, "value"]]})
    shown = redact(head, b"", Rules(headers=("x-customer",))).head
    assert shown["headers"] == [[name, MASK if is_hidden else "value"]]


def test_a_query_is_masked_in_both_places_where_it_stands() -> None:
    query = "topic=a%20b&token=t0p&email=ann%40example.com"
    head = orjson.dumps({"query": query, "url": f"https://gateway.example/in/shop?{query}"})
    shown = redact(head, b"", Rules(paths=("email",))).head
    assert shown["query"] == f"topic=a%20b&token={MASK}&email={MASK}"
    assert shown["url"] == f"https://gateway.example/in/shop?{shown['query']}"
    untouched = {"query": "a=b%20c", "url": "https://gateway.example/?a=b%20c"}
    assert redact(orjson.dumps(untouched), b"", Rules()).head == untouched


def test_fields_of_a_form_are_masked_and_what_json_they_hold() -> None:
    body = b"token=abc&From=%2B1202&payload=%7B%22user%22%3A%7B%22name%22%3A%22ann%22%2C%22id%22%3A1%7D%7D&text=hi"
    shown = redacted(body, "From", "payload.user.name", content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert b"abc" not in shown.body
    assert b"ann" not in shown.body
    assert b"1202" not in shown.body
    assert shown.body.startswith(f"token={MASK}&From={MASK}&payload=".encode())
    assert shown.body.endswith(b"&text=hi")


@pytest.mark.parametrize("body", [b"<order><email>ann</email></order>", b"\xff\x00ann", b"[" * 100_000])
def test_a_body_that_the_rules_cannot_be_held_against_is_masked_whole(body: bytes) -> None:
    assert redacted(body).body == body, "there is no rule for it"
    shown = redacted(body, "email")
    assert b"ann" not in shown.body
    assert shown.body.decode() == f"{MASK} ({len(body)} bytes, neither JSON nor a form)"


def test_a_body_is_shown_as_people_read_it() -> None:
    assert show_body(b'{"b":1,"a":"\xc3\xa4"}') == '{\n  "b": 1,\n  "a": "ä"\n}'
    assert show_body("Grüße\n".encode()) == "Grüße\n"
    assert show_body(b"\x00\x01" * 9).splitlines()[1] == "00000010  00 01"
    assert show_body(b"") == ""
    assert show_body(b'{"half":"\\ud800"}') == '{\n  "half": "\\ud800"\n}'


SESSION = pytest.mark.asyncio(loop_scope="session")


async def post(running: Running, source: str) -> str:
    body = {"email": "ann@example.com", "visits": 1, "note": "keep"}
    headers = {**WORD, "x-signature": "s1gned", "x-topic": "order"}
    event_id = str((await running.http.post(f"/in/{source}", json=body, headers=headers)).json()["id"])
    await running.event(event_id)
    return event_id


@SESSION
async def test_a_stored_request_is_shown_masked_and_kept_as_it_came(running: Running) -> None:
    await running.add_source("redacted")
    event_id = await post(running, "redacted")
    rules = await keeping.redact_source(running.op, "redacted", headers=["X-Topic"], paths=["email"])
    assert rules == {"headers": ["x-topic"], "paths": ["email"]}
    shown = await show_request(running.op, event_id)
    headers = dict(shown["head"]["headers"])
    assert (headers["x-signature"], headers["x-topic"], headers["content-type"]) == (MASK, MASK, "application/json")
    assert json.loads(shown["body"]) == {"email": MASK, "visits": 1, "note": "keep"}
    assert shown["is_masked"]
    raw = await show_request(running.op, event_id, is_raw=True)
    assert dict(raw["head"]["headers"])["x-signature"] == "s1gned"
    stored = await running.op.read(lambda conn: load_request(conn, event_id))
    assert stored is not None
    assert base64.b64decode(raw["body_base64"]) == stored[1]
    assert b"ann@example.com" in stored[1]


@SESSION
async def test_rules_are_added_cleared_and_checked(running: Running) -> None:
    await running.add_source("ruled")
    await keeping.redact_source(running.op, "ruled", paths=["a.b"])
    assert await keeping.redact_source(running.op, "ruled", paths=["a.b", "c"]) == {
        "headers": [],
        "paths": ["a.b", "c"],
    }
    assert await keeping.redact_source(running.op, "ruled", paths=["d"], is_cleared=True) == {
        "headers": [],
        "paths": ["d"],
    }
    assert await keeping.redact_source(running.op, "ruled") == {"headers": [], "paths": ["d"]}
    await running.op.write(lambda conn: update_source(conn, "ruled", 0, redaction='{"paths": ["data[a b].c"]}'))
    kept = await keeping.redact_source(running.op, "ruled", paths=["data[a b].c", "$.d"], is_cleared=True)
    assert kept["paths"] == ["data[a b].c", "$.d"], "what was taken once can be saved again"
    for wrong in (
        {"paths": ["a..b"]},
        {"paths": ["$..sku"]},
        {"headers": ["x y"]},
        {"paths": [""]},
        {"paths": [f"p{n}" for n in range(100)]},
    ):
        with pytest.raises(OperatorError):
            await keeping.redact_source(running.op, "ruled", **wrong)
    with pytest.raises(NotFound):
        await keeping.redact_source(running.op, "nowhere", paths=["a"])


@SESSION
async def test_a_rejected_request_is_listed_masked(running: Running) -> None:
    await running.add_source("masked-rejects")
    await keeping.redact_source(running.op, "masked-rejects", paths=["email"])
    body = {"email": "mallory@example.com", "visits": 1}
    wrong = {"x-word": "wrong", "x-signature": "forged"}
    assert (await running.http.post("/in/masked-rejects", json=body, headers=wrong)).status_code == 401
    while not (found := await events.list_rejected(running.op, "masked-rejects")):
        pass
    assert "forged" not in repr(found)
    assert json.loads(base64.b64decode(found[0]["body"])) == {"email": MASK, "visits": 1}


@SESSION
async def test_the_request_of_an_event_that_is_not_there_is_not_found(running: Running) -> None:
    with pytest.raises(NotFound, match="no stored event"):
        await show_request(running.op, "evt_00000000000000000000000000")


def test_json_under_the_name_of_a_form_is_masked_as_json() -> None:
    """A form of one long name would hide nothing: names are shown."""
    form = "application/x-www-form-urlencoded"
    for body in (b'{"email":"ann@example.com"}', b' [{"email":"ann@example.com"}]', b'{"email":"ann@example.com"'):
        assert b"ann" not in redacted(body, "**.email", content_type=form).body, body
    assert redacted(b"email=ann&id=7", "email", content_type=form).body == f"email={MASK}&id=7".encode()


def test_a_body_that_would_swell_when_it_is_laid_out_is_shown_as_it_was_written() -> None:
    """A megabyte of brackets around zeros becomes a gigabyte of blanks."""
    for depth, many in ((900, 100), (65, 10), (1, 200_000)):
        body = b"[" * depth + b",".join([b"0"] * many) + b"]" * depth
        assert show_body(body) == body.decode()
    assert show_body(b"[" * 60 + b"]" * 60).count("\n") > 60
