"""Connections that keep a gateway waiting are closed, and never keep a neighbour waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
import pytest_asyncio
from running import WORD, Running, prepare, run_all
from sockets import head, wire

from gateway.config import Settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "socket@example.com", "visits": 1})


async def test_a_silent_connection_is_closed(edge: Running) -> None:
    async with wire(edge) as silent:
        assert await silent.read_to_end() == b""


async def test_a_connection_with_half_a_head_is_closed(edge: Running) -> None:
    async with wire(edge) as half:
        await half.send(b"POST /in/open HTTP/1.1\r\nhost: x\r\nx-half: ")
        assert await half.read_to_end() == b""


async def test_a_head_that_comes_letter_by_letter_is_closed_too(edge: Running) -> None:
    async with wire(edge) as slow:

        async def drip() -> None:
            for letter in head("/in/open", *[f"x-{n}: y" for n in range(1000)]):
                await slow.send(bytes([letter]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await slow.read_to_end() == b""
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_connection_with_half_a_body_is_closed(edge: Running) -> None:
    async with wire(edge) as half:
        await half.send(head("/in/open", "x-word: sesame-open", "content-length: 1000") + b"{")
        assert await half.read_to_end() == b""


async def test_a_connection_that_rests_after_an_answer_is_not_late(edge: Running) -> None:
    """It has the time of a connection that rests, which is longer than the head's."""
    post = head("/in/open", "x-word: sesame-open", f"content-length: {len(BODY)}") + BODY
    async with wire(edge) as kept:
        await kept.send(post)
        assert b" 202 " in await kept.read_answer()
        await asyncio.sleep(edge.settings.head_seconds + 1.2)
        await kept.send(post)
        assert b" 202 " in await kept.read_answer()


async def test_a_connection_that_rests_for_too_long_is_closed(valkey_url: str) -> None:
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(Path(folder), f"{valkey_url}?db=30", keep_alive_seconds=1)
        async with run_all(settings) as running, wire(running) as kept:
            await kept.send(head("/healthz", method="GET"))
            assert b" 200 " in await kept.read_answer()
            assert await kept.read_to_end() == b""


async def test_a_connection_rests_longer_than_a_proxy_would_use_it_again() -> None:
    """nginx, AWS' balancers and others let go of one after 60 s: who closes first must not be the gateway."""
    assert Settings().keep_alive_seconds > 60


async def test_a_second_head_that_stops_half_way_is_closed(edge: Running) -> None:
    async with wire(edge) as kept:
        await kept.send(head("/healthz", method="GET"))
        assert b" 200 " in await kept.read_answer()
        await kept.send(b"GET /healthz HT")
        assert await kept.read_to_end() == b""


async def test_a_head_that_is_too_large_is_431_as_problem_json(edge: Running) -> None:
    async with wire(edge) as large:
        await large.send(head("/in/open", "x-large: " + "y" * 4000, "content-length: 0"))
        answer = await large.read_to_end()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["detail"].endswith("2048 bytes")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_head_that_never_ends_is_431_before_it_fills_anything(edge: Running) -> None:
    async with wire(edge) as endless:
        await endless.send(b"POST /in/open HTTP/1.1\r\nhost: x\r\n")
        for _ in range(5):
            await endless.send(b"x-more: " + b"y" * 500 + b"\r\n")
        assert (await endless.read_to_end()).startswith(b"HTTP/1.1 431 ")


async def test_a_url_that_is_too_long_is_431(edge: Running) -> None:
    async with wire(edge) as long:
        await long.send(head("/in/open?" + "q" * 4000, "content-length: 0"))
        assert (await long.read_to_end()).startswith(b"HTTP/1.1 431 ")


async def test_a_body_over_the_limit_is_not_a_head_over_the_limit(edge: Running) -> None:
    body = orjson.dumps({"email": "large@example.com", "visits": 1, "more": "x" * 20_000})
    async with wire(edge) as plain:
        await plain.send(head("/in/open", "x-word: sesame-open", f"content-length: {len(body)}") + body)
        assert b" 202 " in await plain.read_answer()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(valkey_url: str) -> AsyncIterator[Running]:
    """A gateway with room for few connections, and time for all of them: whoever goes has made way."""
    with TemporaryDirectory(prefix="hw-") as folder:
        async with run_all(prepare(Path(folder), f"{valkey_url}?db=25", connections_max=40)) as running:
            await running.add_source("open")
            yield running


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"POST /in/open HT",
        head("/healthz", method="GET"),
        head("/in/open", "content-length: 9") + b"{",
        head("/in/none", "content-length: 9"),
    ],
    ids=["silent", "half a head", "idle", "half a body", "answered before its body"],
)
async def test_a_sender_is_let_in_where_others_hold_all_connections(crowded: Running, said: bytes) -> None:
    slowly = BODY + b" " * crowded.settings.connections_max
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(wire(crowded))
        await slow.send(head("/in/open", "x-word: sesame-open", f"content-length: {len(slowly)}"))
        for number in range(crowded.settings.connections_max):
            quiet = await stack.enter_async_context(wire(crowded))
            await quiet.send(said)
            await slow.send(slowly[number : number + 1])
        for _ in range(3):
            sender = await stack.enter_async_context(wire(crowded))
            await sender.send(head("/in/open", "x-word: sesame-open", f"content-length: {len(BODY)}") + BODY)
            assert b" 202 " in await sender.read_answer()
        await slow.send(slowly[crowded.settings.connections_max :])
        assert b" 202 " in await slow.read_answer(), "who sends slowly keeps its place"


async def test_two_hundred_silent_connections_do_not_keep_a_neighbour_waiting(running: Running) -> None:
    await running.add_source("neighbour")
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire(running)) for _ in range(200)]
        for one in wires[100:]:
            await one.send(b"POST /in/neighbour HTTP/1.1\r\nhost:")
        for _ in range(20):
            answer = await running.http.post("/in/neighbour", content=BODY, headers=WORD)
            assert answer.status_code == 202


@pytest.mark.parametrize("noise", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"])
async def test_what_is_no_http_is_refused_or_closed(edge: Running, noise: bytes) -> None:
    async with wire(edge) as strange:
        await strange.send(noise)
        answer = await strange.read_to_end()
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")


async def test_a_chunked_body_is_read_whole(edge: Running) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:5], BODY[5:])) + b"0\r\n\r\n"
    async with wire(edge) as chunked:
        await chunked.send(head("/in/open", "x-word: sesame-open", "transfer-encoding: chunked") + chunks)
        answer = await chunked.read_answer()
    event = await edge.event(orjson.loads(answer.partition(b"\r\n\r\n")[2])["id"])
    assert event["status"] == "applied"


async def test_a_sender_that_hangs_up_half_way_leaves_no_event(edge: Running) -> None:
    async with wire(edge) as gone:
        await gone.send(head("/in/open", "x-word: sesame-open", "content-length: 1000") + b"{")
    answer = await edge.http.post("/in/open", content=BODY, headers=WORD)
    assert answer.status_code == 202
