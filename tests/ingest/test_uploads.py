"""Who sends slowly keeps nobody else waiting, and nobody fills the memory with what never becomes whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson
import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running, prepare, run_all
from sockets import Wire, head, wire
from test_room import at_work

from gateway.config import MIB
from gateway.errors import UploadRefused
from gateway.ingest.uploads import ADDRESS_SHARE, AHEAD_BYTES, Upload, Uploads

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "uploads@example.com", "visits": 1})
TRICKLING = 300
LARGE = 900_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(valkey_url: str) -> AsyncIterator[Running]:
    """A gateway with the least room for uploads, behind a proxy that it trusts: tests choose their own address."""
    with TemporaryDirectory(prefix="hw-") as folder:
        room = {"upload_bytes_max": 64 * MIB, "requests_in_flight_max": 3, "trusted_proxies": ("127.0.0.0/8",)}
        async with run_all(prepare(Path(folder), f"{valkey_url}?db=18", **room)) as running:
            await running.add_source("open")
            await running.add_source("echo")
            yield running


@asynccontextmanager
async def trickling(running: Running) -> AsyncIterator[list[Wire]]:
    """Three hundred bodies that come in letter by letter, all from one address, until the test is over."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire(running)) for _ in range(TRICKLING)]
        for one in wires:
            await one.send(head("/in/patient", "content-length: 1000000") + b"{")

        async def drip() -> None:
            while True:
                for one in wires:
                    await one.send(b" ")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            yield wires
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)


async def test_three_hundred_trickling_uploads_of_one_address_keep_nobody_else_waiting(running: Running) -> None:
    assert running.settings.requests_in_flight_max < TRICKLING
    await running.add_source("patient")
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with (
        trickling(running) as wires,
        httpx.AsyncClient(transport=elsewhere, base_url=str(running.http.base_url), timeout=PATIENCE_SECONDS) as http,
    ):
        for _ in range(20):
            assert (await http.post("/in/patient", content=BODY, headers=WORD)).status_code == 202
            await asyncio.sleep(0.02)
        large = orjson.dumps({"email": "large@example.com", "visits": 2, "more": "x" * LARGE})
        assert (await http.post("/in/patient", content=large, headers=WORD)).status_code == 202
        assert not any(one.reader.at_eof() for one in wires), "they were closed before the test was over"


async def test_a_body_that_is_whole_when_all_places_are_taken_is_503(narrow: Running) -> None:
    async with wire(narrow) as slow:
        await slow.send(head("/in/open", "x-word: sesame-open", f"content-length: {len(BODY)}") + BODY[:-1])
        async with at_work(narrow):
            await slow.send(BODY[-1:])
            answer = await slow.read_answer()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"requests are at work already" in answer


async def test_bodies_that_are_still_coming_in_take_no_place(narrow: Running) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(narrow.settings.requests_in_flight_max + 2):
            half = await stack.enter_async_context(wire(narrow))
            await half.send(head("/in/open", "x-word: sesame-open", "content-length: 1000") + b"{")
        assert (await narrow.http.post("/in/open", content=BODY, headers=WORD)).status_code == 202


async def upload(running: Running, stack: AsyncExitStack, address: str, path: str = "/in/open") -> Wire:
    """Send all of a large body but its end."""
    one = await stack.enter_async_context(wire(running))
    await one.send(head(path, f"x-forwarded-for: {address}", f"content-length: {LARGE + 1}", "x-word: sesame-open"))
    await one.send(b" " * LARGE)
    return one


async def read_last(one: Wire) -> bytes:
    """Give an answer after which the connection is closed."""
    answer = await one.read_answer()
    assert await one.read_to_end() == b""
    return answer


async def until_refused(running: Running, stack: AsyncExitStack, address: str) -> bytes:
    """Upload until the first of them is answered; gives that answer."""
    answers: list[asyncio.Task[bytes]] = []
    for _ in range(64 * MIB // ADDRESS_SHARE // LARGE + 2):
        answers.append(asyncio.create_task(read_last(await upload(running, stack, address))))
    done, waiting = await asyncio.wait(answers, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return done.pop().result()


async def test_one_address_fills_no_more_than_its_quarter_and_is_told_so(narrow: Running) -> None:
    async with AsyncExitStack() as stack:
        answer = await until_refused(narrow, stack, "203.0.113.1")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 10\r\n" in answer
        assert b"connection: close\r\n" in answer
        problem = orjson.loads(answer.partition(b"\r\n\r\n")[2])
        assert problem["limit"] == "upload_bytes_max"
        assert f"of this address that are still coming in hold all of their {16 * MIB} bytes" in problem["detail"]
        other = await upload(narrow, stack, "203.0.113.2")
        await other.send(b" ")
        assert (await other.read_answer()).startswith(b"HTTP/1.1 202 "), "no JSON, so it is kept as failed"


async def test_what_an_address_has_held_comes_free(narrow: Running) -> None:
    for _ in range(2):
        async with AsyncExitStack() as stack:
            assert (await until_refused(narrow, stack, "203.0.113.3")).startswith(b"HTTP/1.1 503 ")
        await until_taken(narrow, "203.0.113.3")


async def until_taken(running: Running, address: str) -> None:
    """Upload to the end: connections that were just closed are noticed a moment later."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with AsyncExitStack() as stack:
                one = await upload(running, stack, address)
                await one.send(b" ")
                if (await one.read_answer()).startswith(b"HTTP/1.1 202 "):
                    return


async def test_the_action_api_counts_its_uploads_too(narrow: Running) -> None:
    key = await narrow.make_key("sender")
    async with AsyncExitStack() as stack:
        await until_refused(narrow, stack, "203.0.113.4")
        headers = {"x-forwarded-for": "203.0.113.4", **key}
        large = b'{"identifiers": {"email": "a@example.com"}, "attributes": {"more": "%b"}}' % (b"x" * LARGE)
        answer = await narrow.http.post("/api/upsertContact", content=large, headers=headers)
        assert (answer.status_code, answer.json()["limit"]) == (503, "upload_bytes_max")


async def test_an_upload_counts_before_its_first_byte_and_a_network_is_one_address() -> None:
    uploads = Uploads(4 * 3 * AHEAD_BYTES)
    with Upload(uploads, "2001:db8::1"), Upload(uploads, "2001:db8::2") as second:
        second.hold(AHEAD_BYTES)
        with pytest.raises(UploadRefused, match="of this address"):
            Upload(uploads, "2001:db8::3").__enter__()
        with Upload(uploads, "2001:db8:0:1::1"):
            pass
    with Upload(uploads, "2001:db8::3") as third:
        third.hold(2 * AHEAD_BYTES)


async def test_past_what_all_may_hold_together_the_next_is_refused_whoever_it_is() -> None:
    uploads = Uploads(ADDRESS_SHARE * AHEAD_BYTES)
    with ExitStack() as stack:
        for number in range(ADDRESS_SHARE):
            stack.enter_context(Upload(uploads, f"203.0.113.{number}"))
        with pytest.raises(UploadRefused, match="of all senders"):
            stack.enter_context(Upload(uploads, "203.0.113.99"))
    with Upload(uploads, "203.0.113.99"):
        pass
