"""A source whose events pile up is told to wait; its neighbours are not."""

import asyncio
import time
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running
from sockets import head, wire

from gateway.operations.limits import set_limits
from gateway.queue.keys import PENDING_OF

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "pile@example.com", "visits": 1})


async def until_status(running: Running, source: str, status: int) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (await running.http.post(f"/in/{source}", content=BODY, headers=WORD)).status_code != status:
        assert time.monotonic() < give_up_at, f"{source} never answered {status}"
        await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def piled(tight: Running) -> AsyncIterator[Running]:
    """As many events of `open` wait as its queue may hold."""
    fillers = [f"evt_filler_{number}" for number in range(tight.settings.source_queue_events_max)]
    await tight.op.redis.sadd(f"{PENDING_OF}open", *fillers)
    await until_status(tight, "open", 503)
    yield tight
    await tight.op.redis.srem(f"{PENDING_OF}open", *fillers)
    await until_status(tight, "open", 202)


async def test_a_source_that_is_full_is_503_by_name_before_its_body_is_read(piled: Running) -> None:
    async with wire(piled) as eager:
        await eager.send(head("/in/open", "x-word: sesame-open", "content-length: 1000000"))
        answer = await eager.read_answer()
    problem = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 10\r\n" in answer
    assert problem["limit"] == "queue_events_max"
    assert 'of source "open" wait already; its limit is 20' in problem["detail"]


async def test_the_neighbour_of_a_full_source_is_taken(piled: Running) -> None:
    answers = [await piled.http.post("/in/other", content=BODY, headers=WORD) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {202}


async def test_actions_of_a_key_of_a_full_source_wait_too(piled: Running) -> None:
    key = await piled.make_key("sender", "open")
    answer = await piled.http.post("/api/upsertContact", json={"identifiers": {"email": "a@b.c"}}, headers=key)
    assert (answer.status_code, answer.json()["limit"]) == (503, "queue_events_max")
    any_key = await piled.make_key("sender")
    answer = await piled.http.post("/api/upsertContact", json={"identifiers": {"email": "a@b.c"}}, headers=any_key)
    assert answer.status_code == 202


async def test_a_source_may_have_a_limit_of_its_own(piled: Running) -> None:
    await set_limits(piled.op, "open", {"queue_events_max": 100})
    assert (await piled.http.post("/in/open", content=BODY, headers=WORD)).status_code == 202
    await set_limits(piled.op, "open", {}, unset=["queue_events_max"])
    assert (await piled.http.post("/in/open", content=BODY, headers=WORD)).status_code == 503


async def test_what_is_applied_leaves_room(tight: Running) -> None:
    for _ in range(tight.settings.source_queue_events_max * 2):
        await until_status(tight, "other", 202)
