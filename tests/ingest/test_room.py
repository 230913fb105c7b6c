"""Is there room for one more? Where there is none the sender hears it, before its body is read."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import httpx
import orjson
import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running
from sockets import head, wire
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.ingest.room import Room
from gateway.queue.keys import PENDING

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "room@example.com", "visits": 1})
ACTION = {"identifiers": {"email": "room@example.com"}}


async def until_ready(running: Running, status: int) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (await running.http.get("/readyz")).status_code != status:
        assert time.monotonic() < give_up_at, f"/readyz never said {status}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def at_work(running: Running) -> AsyncIterator[list["asyncio.Task[httpx.Response]"]]:
    """Take every place: actions of three sources wait for a Redis that writes nothing just now."""
    keys = [running.admin, await running.make_key("sender", "open"), await running.make_key("sender", "echo")]
    assert len(keys) == running.settings.requests_in_flight_max
    await running.op.redis.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    post = partial(running.http.post, "/api/upsertContact", json=ACTION)
    posts = [asyncio.create_task(post(headers=key)) for key in keys]
    try:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while (await running.http.post("/in/nobody")).status_code != 503:
            assert time.monotonic() < give_up_at, "there was room to the end"
            await asyncio.sleep(0.01)
        yield posts
    finally:
        await running.op.redis.execute_command("CLIENT", "UNPAUSE")
        await asyncio.gather(*posts)


async def test_past_the_cap_of_requests_at_work_it_is_503_with_the_time_to_come_back(edge: Running) -> None:
    cap = edge.settings.requests_in_flight_max
    async with at_work(edge) as posts:
        webhook = await edge.http.post("/in/open", content=BODY, headers=WORD)
        action = await edge.http.post("/api/upsertContact", json=ACTION, headers=edge.admin)
        async with wire(edge) as eager:
            await eager.send(head("/in/open", "x-word: sesame-open", "content-length: 1000000"))
            assert (await eager.read_answer()).startswith(b"HTTP/1.1 503 "), "before its body is read"
    for answer in (webhook, action):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert f"{cap} requests" in answer.json()["detail"]
    assert [post.result().status_code for post in posts] == [202] * cap


async def test_one_source_takes_half_of_what_the_others_leave_and_there_is_room_for_whoever_comes(
    edge: Running,
) -> None:
    room, held = Room(edge.op.redis, edge.settings.model_copy(update={"requests_in_flight_max": 256})), ExitStack()
    with held:
        counts = {name: fill(room, held, name) for name in ("first", "second", "third")}
        assert counts == {"first": 128, "second": 64, "third": 32}
        assert fill(room, held, "first") == 0
        for number in range(10):
            assert fill(room, held, f"newcomer-{number}", at_most=1) == 1
    assert fill(room, held, "first") == 128, "places come free"
    held.close()


async def test_two_floods_that_go_on_come_to_a_third_each(edge: Running) -> None:
    room = Room(edge.op.redis, edge.settings.model_copy(update={"requests_in_flight_max": 256}))
    places: dict[str, list[ExitStack]] = {"one": [], "two": []}
    for _ in range(300):
        for source, held in places.items():
            if held:  # one is answered, and more come than there is room for
                held.pop(0).close()
            while fill(room, latest := ExitStack(), source, at_most=1):
                held.append(latest)
    assert sorted(room._in_flight_of.values()) == [85, 85]


async def test_a_source_may_have_a_number_of_its_own(edge: Running) -> None:
    room, held = Room(edge.op.redis, edge.settings.model_copy(update={"requests_in_flight_max": 16})), ExitStack()
    with held:
        assert fill(room, held, "narrow", own_max=1) == 1
        assert fill(room, held, "wide", own_max=12) == 12
        with pytest.raises(Unavailable, match='12 requests of source "wide" are at work already') as caught:
            held.enter_context(room.taken("wide", 12))
        assert (caught.value.retry_after_seconds, caught.value.extra) == (1, {"limit": "in_flight_count"})


def fill(room: Room, held: ExitStack, source: str, own_max: int | None = None, at_most: int = 1000) -> int:
    """Take places for a source until it is refused; give how many."""
    for count in range(at_most):
        try:
            held.enter_context(room.taken(source, own_max))
        except Unavailable:
            return count
    return at_most


async def test_places_come_free_again(edge: Running) -> None:
    for _ in range(edge.settings.requests_in_flight_max * 3):
        assert (await edge.http.post("/in/open", content=BODY, headers=WORD)).status_code == 202
        assert (await edge.http.post("/in/nobody", content=BODY)).status_code == 404
        assert (await edge.http.post("/in/open", content=BODY)).status_code == 401


@pytest_asyncio.fixture(loop_scope="session")
async def full(edge: Running) -> AsyncIterator[Running]:
    fill = {f"evt_filler_{number}": b"{}" for number in range(edge.settings.queue_events_max)}
    await edge.op.redis.hset(PENDING, mapping=fill)
    await until_ready(edge, 503)
    yield edge
    await edge.op.redis.hdel(PENDING, *fill)
    await until_ready(edge, 200)


async def test_a_full_queue_is_503_before_the_body_is_read(full: Running) -> None:
    async with wire(full) as eager:
        await eager.send(head("/in/open", "x-word: sesame-open", "content-length: 1000000"))
        answer = await eager.read_answer()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 10\r\n" in answer
    assert b"the queue is full" in answer


async def test_a_full_queue_still_answers_who_asks(full: Running) -> None:
    assert (await full.http.get("/healthz")).status_code == 200
    assert (await full.http.get("/api/events/evt_x", headers=full.admin)).status_code == 404


async def test_a_redis_that_is_told_to_forget_is_said_once_when_it_is_seen(edge: Running) -> None:
    room = Room(edge.op.redis, edge.settings)
    (was,) = (await edge.op.redis.config_get("appendfsync")).values()
    await edge.op.redis.config_set("appendfsync", "everysec")
    try:
        with capture_logs() as lines:
            for _ in range(3):
                await room.look_at_durability()
    finally:
        await edge.op.redis.config_set("appendfsync", was)
    with capture_logs() as later:
        await room.look_at_durability()
    assert [line["event"] for line in lines] == ["durability"]
    assert "appendfsync is not always" in lines[0]["why"]
    assert later == []


async def test_after_the_queue_was_full_posts_are_taken_again(edge: Running) -> None:
    await until_ready(edge, 200)
    assert (await edge.http.post("/in/open", content=BODY, headers=WORD)).status_code == 202
