"""The eight actions over HTTP: what each does, and what a caller hears when it is not right."""

from typing import Any

import orjson
import pytest
from examples import bodies
from running import Running

from gateway.actions import ACTION_NAMES
from gateway.operations import sources

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def post(running: Running, name: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await running.http.post(f"/api/{name}", content=content, headers={**running.admin, **headers})


async def apply(running: Running, name: str, body: Any) -> dict[str, Any]:
    answer = await post(running, name, body)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"id": answer.headers["x-request-id"], "status": "queued"}
    event = await running.event(answer.json()["id"])
    assert event["status"] == "applied", event["reason"]
    return event


async def test_each_of_the_eight_actions_does_what_its_name_says(running: Running) -> None:
    ready = bodies("eight@example.com")
    for name in ("upsertContact", "createContactactivities", "addContactsToList", "upsertOrder"):
        await apply(running, name, ready[name])
    for name in ("upsertSupplementRecords", "addProductsToCart", "removeProductsFromCart"):
        await apply(running, name, ready[name])
    contact = (await running.contact("email", "eight@example.com")).json()
    assert contact["attributes"]["first_name"] == "Ann"
    assert [activity["name"] for activity in contact["activities"]] == ["pageView"]
    assert contact["lists"] == ["VIP"]
    assert [(order["order_id"], order["status"]) for order in contact["orders"]] == [
        ("order of eight@example.com", "paid")
    ]
    assert contact["supplements"][0]["record"]["plan"] == "gold"
    assert [(line["product_id"], line["qty"]) for line in contact["cart"]] == [("p1", 2)]

    await apply(running, "removeContactsFromList", ready["removeContactsFromList"])
    assert (await running.contact("email", "eight@example.com")).json()["lists"] == []


async def test_an_event_of_the_api_names_its_key_and_has_no_script(running: Running) -> None:
    event = await apply(running, "upsertContact", bodies("named@example.com")["upsertContact"])
    assert (event["source"], event["version_id"]) == ("api", None)
    assert event["key_id"].startswith("key_")


@pytest.mark.parametrize("name", ACTION_NAMES)
async def test_a_body_that_is_not_json_is_400(running: Running, name: str) -> None:
    for body in (b"", b"{", b"{'single': 1}", b"\xff\xfe", b'{"a": 1} more'):
        answer = await post(running, name, body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ACTION_NAMES)
@pytest.mark.parametrize("body", [[], 1, None, "text", {}])
async def test_a_body_that_is_no_such_action_is_422(running: Running, name: str, body: Any) -> None:
    answer = await post(running, name, body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("name", "path", "value", "pointer"),
    [
        ("upsertContact", ["identifiers"], {"email": " "}, "/identifiers"),
        ("upsertContact", ["unknown"], 1, "/unknown"),
        ("upsertContact", ["occurredAt"], "2026-01-01T00:00:00", "/occurredAt"),
        ("createContactactivities", ["contactActivities", 0, "time"], 17, "/contactActivities/0/time"),
        ("addContactsToList", ["listName"], "", "/listName"),
        ("upsertOrder", ["items", 0, "productID"], None, "/items/0/productID"),
        ("upsertOrder", ["items", 0, "qty"], 0, "/items/0/qty"),
        ("upsertOrder", ["totalAmount"], "much", "/totalAmount"),
        ("upsertSupplementRecords", ["records", 0], {"plan": "gold"}, "/records"),
        ("addProductsToCart", ["items", 0, "qty"], 1.5, "/items/0/qty"),
        ("removeProductsFromCart", ["contact", "identifiers"], [], "/contact/identifiers"),
        ("upsertContact", ["a/b~c"], 1, "/a~1b~0c"),
    ],
)
async def test_every_bad_place_has_its_pointer(
    running: Running, name: str, path: list[Any], value: Any, pointer: str
) -> None:
    body = orjson.loads(orjson.dumps(bodies("pointer@example.com")[name]))
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    answer = await post(running, name, body)
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["status"], problem["request_id"]) == (422, answer.headers["x-request-id"])
    assert [fault["pointer"] for fault in problem["errors"] if fault["pointer"].startswith(pointer)], problem


async def test_all_bad_places_are_told_at_once_and_nothing_of_the_body(running: Running) -> None:
    body = {"identifiers": {"email": 1.5}, "attributes": "marked-value", "more": "marked-value"}
    problem = (await post(running, "upsertContact", body)).json()
    assert {fault["pointer"] for fault in problem["errors"]} == {"/identifiers", "/attributes", "/more"}
    assert "marked-value" not in orjson.dumps(problem).decode()


async def test_a_body_that_names_another_action_than_its_path_is_422(running: Running) -> None:
    body = {"action": "upsertOrder", **bodies("other@example.com")["upsertContact"]}
    answer = await post(running, "upsertContact", body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/action"]
    assert (await post(running, "upsertContact", {**body, "action": "upsertContact"})).status_code == 202


async def test_a_body_over_the_limit_is_413(running: Running) -> None:
    answer = await post(running, "upsertContact", b" " * (running.settings.body_bytes_max + 1))
    assert answer.status_code == 413


async def test_numbers_over_64_bit_and_long_decimals_keep_their_digits(running: Running) -> None:
    integer, decimal = "123456789012345678901234567890", "1234567890123456.12345678"
    order = bodies("digits@example.com")["upsertOrder"] | {"orderID": "digits"}
    bare = orjson.dumps(order | {"totalAmount": decimal})
    for path, content in (("upsertOrder", bare), ("batch", b'[{"action":"upsertOrder",' + bare[1:] + b"]")):
        answer = await post(running, path, content)
        await running.event((answer.json().get("events") or [answer.json()])[0]["id"])
        stored = (await running.http.get("/api/orders/digits", headers=running.admin)).json()
        assert stored["total"] == decimal, path
    for path, before, after in (("upsertContact", b"{", b"}"), ("batch", b'[{"action":"upsertContact",', b"}]")):
        content = b'%b"identifiers":{"email":"digits@example.com","till_id":%b},"attributes":{"big":%b}%b' % (
            *(before, integer.encode(), integer.encode(), after),
        )
        answer = await post(running, path, content)
        assert answer.status_code == 202, answer.text
        await running.event((answer.json().get("events") or [answer.json()])[0]["id"])
        assert (await running.contact("till_id", integer)).status_code == 200
        assert integer in (await running.contact("email", "digits@example.com")).text


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', '"\\u0000"', "[" * 300 + "]" * 300, "1" * 5000]
)
async def test_a_strange_value_is_refused_or_applied_but_never_breaks(running: Running, value: str) -> None:
    inner = f'"identifiers":{{"email":"strange@example.com"}},"attributes":{{"strange":{value}}}}}'
    for path, content in (("upsertContact", "{" + inner), ("batch", '[{"action":"upsertContact",' + inner + "]")):
        answer = await post(running, path, content.encode())
        assert answer.status_code in (202, 400, 422), answer.text
        if answer.status_code == 202:
            event = await running.event((answer.json().get("events") or [answer.json()])[0]["id"])
            assert event["status"] == "applied", (path, event["reason"])
            assert (await running.contact("email", "strange@example.com")).status_code == 200


async def test_the_same_idempotency_key_twice_is_one_delivery(running: Running) -> None:
    key = {"idempotency-key": "once-1"}
    body = bodies("once@example.com")["upsertContact"]
    first = (await post(running, "upsertContact", body, **key)).json()["id"]
    second = (await post(running, "upsertContact", {**body, "attributes": {"first_name": "Bea"}}, **key)).json()["id"]
    assert (await running.event(first))["status"] == "applied"
    event = await running.event(second)
    assert (event["status"], event["replaced_by"]) == ("duplicate", first)
    assert (await running.contact("email", "once@example.com")).json()["attributes"]["first_name"] == "Ann"


async def test_two_keys_do_not_see_each_others_idempotency_keys(running: Running) -> None:
    body = bodies("two-keys@example.com")["upsertContact"]
    for name in ("Ann", "Bea"):
        key = await running.make_key("sender")
        sent = {**body, "attributes": {"first_name": name}}
        answer = await running.http.post("/api/upsertContact", json=sent, headers={**key, "idempotency-key": "same"})
        assert (await running.event(answer.json()["id"]))["status"] == "applied"
    assert (await running.contact("email", "two-keys@example.com")).json()["attributes"]["first_name"] == "Bea"


async def test_an_idempotency_key_that_is_too_long_is_400_and_a_blank_one_is_none(running: Running) -> None:
    body = bodies("blank@example.com")["upsertContact"]
    assert (await post(running, "upsertContact", body, **{"idempotency-key": "k" * 257})).status_code == 400
    for _ in range(2):
        answer = await post(running, "upsertContact", body, **{"idempotency-key": ""})
        assert (await running.event(answer.json()["id"]))["status"] == "applied"


async def test_a_source_that_is_off_is_410_and_a_paused_one_holds(running: Running) -> None:
    await running.add_source("api-source")
    key = await running.make_key("sender", "api-source")
    body = bodies("source@example.com")["upsertContact"]
    await sources.pause_source(running.op, "api-source")
    held = await running.http.post("/api/upsertContact", json=body, headers=key)
    assert (held.status_code, held.json()["status"]) == (202, "held")
    assert (await running.event(held.json()["id"], "held"))["source"] == "api-source"
    await sources.disable_source(running.op, "api-source")
    assert (await running.http.post("/api/upsertContact", json=body, headers=key)).status_code == 410
