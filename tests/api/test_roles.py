"""Who may do what: a sender posts and reads how its own stand, a viewer reads, an integrator does not post."""

import base64

import pytest
from examples import bodies
from running import WORD, Running

from gateway.actions import ACTION_NAMES

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = bodies("roles@example.com")["upsertContact"]


@pytest.mark.parametrize(
    ("role", "post", "status", "contact"),
    [
        ("sender", 202, 200, 403),
        ("viewer", 403, 200, 200),
        ("integrator", 403, 200, 200),
        ("admin", 202, 200, 200),
    ],
)
async def test_each_role_may_do_its_own(running: Running, role: str, post: int, status: int, contact: int) -> None:
    key = await running.make_key(role)
    known = await running.http.post("/api/upsertContact", json=BODY, headers=running.admin)
    answer = await running.http.post("/api/upsertContact", json=BODY, headers=key)
    event_id = (answer if answer.status_code == 202 else known).json()["id"]
    await running.event(event_id)
    assert answer.status_code == post
    assert (await running.http.post("/api/batch", json=[], headers=key)).status_code in (422, 403)
    assert (await running.http.get(f"/api/events/{event_id}", headers=key)).status_code == status
    for path in ("/api/contacts/email:roles@example.com", "/api/orders/none"):
        found = await running.http.get(path, headers=key)
        assert found.status_code in (contact, 404 if contact == 200 else 403), path


@pytest.mark.parametrize("path", [*(f"/api/{name}" for name in ACTION_NAMES), "/api/batch"])
async def test_nobody_posts_without_a_key(running: Running, path: str) -> None:
    for headers in ({}, {"x-api-key": "hwk_unknown"}, {"authorization": "Bearer"}, {"authorization": "Basic !!"}):
        answer = await running.http.post(path, content=b"{}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/api/events/evt_x", "/api/contacts/email:a@b.c", "/api/orders/1"])
async def test_nobody_reads_without_a_key(running: Running, path: str) -> None:
    assert (await running.http.get(path)).status_code == 401


async def test_a_key_may_be_presented_in_three_ways(running: Running) -> None:
    key = (await running.make_key("sender"))["x-api-key"]
    basic = base64.b64encode(f"{key}:anything".encode()).decode()
    for header in ({"x-api-key": key}, {"authorization": f"bearer {key}"}, {"authorization": f"Basic {basic}"}):
        assert (await running.http.post("/api/upsertContact", json=BODY, headers=header)).status_code == 202


async def test_a_sender_reads_how_its_own_event_stands_and_no_more(running: Running) -> None:
    mine, theirs = await running.make_key("sender"), await running.make_key("sender")
    event_id = (await running.http.post("/api/upsertContact", json=BODY, headers=mine)).json()["id"]
    await running.event(event_id)
    own = await running.http.get(f"/api/events/{event_id}", headers=mine)
    assert set(own.json()) == {"id", "status", "source", "reason", "received_at", "applied_at"}
    assert (await running.http.get(f"/api/events/{event_id}", headers=theirs)).status_code == 403


async def test_a_key_of_one_source_does_not_reach_the_events_of_another(running: Running) -> None:
    await running.add_source("reach-a")
    await running.add_source("reach-b")
    posted = await running.http.post("/in/reach-a", json={"email": "reach@example.com", "visits": 1}, headers=WORD)
    event_id = posted.json()["id"]
    await running.event(event_id)
    for role in ("sender", "viewer", "integrator", "admin"):
        key = await running.make_key(role, "reach-b")
        assert (await running.http.get(f"/api/events/{event_id}", headers=key)).status_code == 403, role
        key = await running.make_key(role, "reach-a", "reach-b")
        assert (await running.http.get(f"/api/events/{event_id}", headers=key)).status_code == 200, role


async def test_a_key_of_some_sources_reads_no_contact_and_no_order(running: Running) -> None:
    """What is known of a person comes of every source, as on the pages of the console."""
    await running.add_source("reach-people")
    known = await running.http.post("/api/upsertContact", json=BODY, headers=running.admin)
    await running.event(known.json()["id"])
    for role in ("viewer", "integrator", "admin"):
        narrow, wide = await running.make_key(role, "reach-people"), await running.make_key(role)
        for path, found in (("/api/contacts/email:roles@example.com", 200), ("/api/orders/none", 404)):
            assert (await running.http.get(path, headers=narrow)).status_code == 403, (role, path)
            assert (await running.http.get(path, headers=wide)).status_code == found, (role, path)


async def test_an_event_of_a_key_with_one_source_belongs_to_that_source(running: Running) -> None:
    await running.add_source("belongs")
    key = await running.make_key("sender", "belongs")
    answer = await running.http.post("/api/upsertContact", json=BODY, headers=key)
    assert (await running.event(answer.json()["id"]))["source"] == "belongs"
