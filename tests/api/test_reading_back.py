"""Reading back: contacts by every spelling, orders of two shops, and what is not there."""

from typing import Any

import pytest
from examples import bodies
from running import Running

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def apply(running: Running, name: str, body: dict[str, Any]) -> None:
    answer = await running.http.post(f"/api/{name}", json=body, headers=running.admin)
    assert (await running.event(answer.json()["id"]))["status"] == "applied"


@pytest.mark.parametrize(
    "asked",
    [
        "email:spelled@example.com",
        "email:Spelled@Example.COM",
        "email: spelled@example.com",
        "channels.email.address:spelled@example.com",
        "customId:c-1",
        "customID:c-1",
        "custom_id:c-1",
        "phone:+436601234567",
        "phone:+43 660 1234567",
        "channels.phone.address:+43 (660) 1234567",
        "till_id:a/b:c ü",
    ],
)
async def test_a_contact_is_found_by_every_spelling_of_what_it_is_called(running: Running, asked: str) -> None:
    names = {"email": "spelled@example.com", "customID": "c-1", "phone": "+43 660 1234567", "till_id": "a/b:c ü"}
    if (await running.contact("email", "spelled@example.com")).status_code == 404:
        await apply(running, "upsertContact", {"identifiers": names})
    key, _, value = asked.partition(":")
    answer = await running.http.get(f"/api/contacts/{key}:{value.replace('+', '%2B')}", headers=running.admin)
    assert answer.status_code == 200
    assert answer.json()["identifiers"]["email"] == "spelled@example.com"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/contacts/email:nobody@example.com", 404),
        ("/api/contacts/nonsense", 400),
        ("/api/contacts/:x", 400),
        ("/api/contacts/email:", 400),
        ("/api/contacts/email:%20", 404),
        ("/api/orders/none", 404),
        ("/api/events/evt_none", 404),
        ("/api/events/'%20OR%201=1", 404),
    ],
)
async def test_what_is_not_there_is_said_as_a_problem(running: Running, path: str, status: int) -> None:
    answer = await running.http.get(path, headers=running.admin)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_a_contact_asked_for_by_a_value_that_is_too_long_is_no_fault_of_ours(running: Running) -> None:
    answer = await running.http.get(f"/api/contacts/email:{'x' * 400}", headers=running.admin)
    assert answer.status_code == 400
    assert "longer than" in answer.json()["detail"]


async def test_two_shops_may_have_an_order_of_the_same_number(running: Running) -> None:
    order = bodies("two-shops@example.com")["upsertOrder"] | {"orderID": "727/a"}
    await apply(running, "upsertOrder", {**order, "source": "shop-a", "status": "paid"})
    await apply(running, "upsertOrder", {**order, "source": "shop-b", "status": "sent"})
    ambiguous = await running.http.get("/api/orders/727/a", headers=running.admin)
    assert ambiguous.status_code == 409
    assert "shop-a, shop-b" in ambiguous.json()["detail"]
    for origin, status in (("shop-a", "paid"), ("shop-b", "sent")):
        answer = await running.http.get("/api/orders/727/a", params={"origin": origin}, headers=running.admin)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer.json()["contact"]["identifiers"]["email"] == "two-shops@example.com"
    nowhere = await running.http.get("/api/orders/727/a", params={"origin": "shop-c"}, headers=running.admin)
    assert nowhere.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api"),
        ("POST", "/api/explode"),
        ("GET", "/in"),
        ("POST", "/api/events/evt_x/more"),
        ("DELETE", "/nothing"),
        ("PATCH", "/api/nothing/at/all"),
        ("GET", "/docs/../etc/passwd"),
        ("GET", "/in/"),
        ("POST", "/in/Nobody"),
    ],
)
async def test_an_unknown_address_is_404_as_a_problem(running: Running, method: str, path: str) -> None:
    answer = await running.http.request(method, path, headers=running.admin)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Not found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/upsertContact", "POST"),
        ("PUT", "/api/batch", "POST"),
        ("POST", "/api/events/evt_x", "GET"),
        ("DELETE", "/api/contacts/email:a@b.c", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
async def test_a_method_that_does_not_belong_is_405_as_a_problem(
    running: Running, method: str, path: str, allowed: str
) -> None:
    answer = await running.http.request(method, path, headers=running.admin)
    assert answer.status_code == 405
    assert allowed in answer.headers["allow"]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_health_and_readiness_tell_strangers_nothing_more(running: Running) -> None:
    assert (await running.http.get("/healthz")).json() == {"status": "alive"}
    assert (await running.http.get("/readyz")).json() == {"status": "ready"}
