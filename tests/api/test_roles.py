"""Who may do what: a sender posts and reads how its own stand, a viewer reads, an integrator does not post."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import pytest_asyncio
from examples import bodies
from running import WORD, Running, prepare, serving

from gateway.actions import ACTION_NAMES
from gateway.ids import mint_event_id
from gateway.operations.operator import open_operator
from gateway.queue.keys import PENDING
from gateway.queue.pending import pending_note

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = bodies("roles@example.com")["upsertContact"]
STATUS = {"id", "status", "source", "reason", "received_at", "applied_at"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unworked(valkey_url: str) -> AsyncIterator[Running]:
    """A gateway without a worker: what it takes stays in the queue."""
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(Path(folder), f"{valkey_url}?db=24")
        async with AsyncExitStack() as stack:
            op = await stack.enter_async_context(open_operator(settings, actor="test"))
            address = await stack.enter_async_context(serving(settings))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=address))
            running = Running(settings, op, http)
            running.admin = await running.make_key("admin")
            yield running


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
    assert set(own.json()) == STATUS
    await assert_is_unknown(running, event_id, theirs)


async def test_a_key_of_one_source_does_not_reach_the_events_of_another(running: Running) -> None:
    await running.add_source("reach-a")
    await running.add_source("reach-b")
    posted = await running.http.post("/in/reach-a", json={"email": "reach@example.com", "visits": 1}, headers=WORD)
    event_id = posted.json()["id"]
    await running.event(event_id)
    for role in ("sender", "viewer", "integrator", "admin"):
        await assert_is_unknown(running, event_id, await running.make_key(role, "reach-b"))
        key = await running.make_key(role, "reach-a", "reach-b")
        assert (await running.http.get(f"/api/events/{event_id}", headers=key)).status_code == 200, role


@pytest.mark.parametrize("is_queued", [False, True])
async def test_a_sender_of_every_source_reads_nothing_that_it_did_not_post(
    running: Running, unworked: Running, is_queued: bool
) -> None:
    house = unworked if is_queued else running
    await house.add_source("own")
    sender, narrow = await house.make_key("sender"), await house.make_key("sender", "own")
    webhook = await house.http.post("/in/own", json={"email": "own@example.com", "visits": 1}, headers=WORD)
    batch = await house.http.post("/api/batch", json=[{"action": "upsertContact", **BODY}], headers=sender)
    of_narrow = await house.http.post("/api/upsertContact", json=BODY, headers=narrow)
    of_source, own, of_peer = webhook.json()["id"], batch.json()["events"][0]["id"], of_narrow.json()["id"]
    for event_id in (of_source, own, of_peer):
        await house.event(event_id, "queued" if is_queued else "applied")
    for event_id in (of_source, of_peer):
        await assert_is_unknown(house, event_id, sender)
        assert (await look(house, event_id, narrow)).status_code == 200
    await assert_is_unknown(house, own, narrow)
    found = await look(house, own, sender)
    assert found.status_code == 200
    assert set(found.json()) == STATUS


async def test_a_sender_reads_what_it_posted_also_where_that_belongs_to_no_source_of_its_own(running: Running) -> None:
    """What a key of two sources posts belongs to the built-in source."""
    for name in ("of-two-a", "of-two-b"):
        await running.add_source(name)
    for role in ("sender", "admin"):
        key = await running.make_key(role, "of-two-a", "of-two-b")
        event_id = (await running.http.post("/api/upsertContact", json=BODY, headers=key)).json()["id"]
        assert (await running.event(event_id))["source"] == "api"
        assert (await look(running, event_id, key)).status_code == 200, role


async def test_a_sender_does_not_learn_of_a_replay_that_still_waits(running: Running) -> None:
    replay_id, sender = "evt_01ARZ3NDEKTSV4RRFFQ69G5FBW", await running.make_key("sender")
    await running.op.redis.hset(PENDING, replay_id, pending_note("queued", None))
    try:
        await assert_is_unknown(running, replay_id, sender)
        assert (await look(running, replay_id, running.admin)).json()["status"] == "queued"
    finally:
        await running.op.redis.hdel(PENDING, replay_id)


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


async def look(running: Running, event_id: str, key: dict[str, str]) -> httpx.Response:
    return await running.http.get(f"/api/events/{event_id}", headers=key)


async def assert_is_unknown(running: Running, event_id: str, key: dict[str, str]) -> None:
    """Hold the answer against that for an id which nobody has ever had."""
    made_up = mint_event_id()
    answer, unknown = await look(running, event_id, key), await look(running, made_up, key)
    assert (answer.status_code, unknown.status_code) == (404, 404)
    said, meant = answer.json(), unknown.json()
    assert said.pop("request_id") != meant.pop("request_id")
    assert said == {**meant, "detail": meant["detail"].replace(made_up, event_id)}
    assert set(answer.headers) == set(unknown.headers)
