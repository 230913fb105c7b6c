"""Posting against a real server on this machine: what came back is counted, nothing is tried twice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.cli.posting import Post, percentile, post_all
from gateway.errors import OperatorError


@asynccontextmanager
async def serving(statuses: list[int]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer the n-th request with the n-th status (the last one for ever; 0 hangs up); keep the bodies."""
    bodies: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
                bodies.append(await reader.readexactly(length))
                status = statuses[min(len(bodies), len(statuses)) - 1]
                if status == 0:
                    return
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 4\r\n\r\nseen" % status)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in/shop", bodies


def maker(url: str):
    return lambda number: Post("POST", url, {"x-number": str(number)}, f"body {number}".encode())


async def test_every_post_goes_out_once_and_is_counted():
    done: list[int] = []
    async with serving([202]) as (url, bodies):
        tally = await post_all(maker(url), count=50, concurrency=4, on_progress=done.append)
    assert sorted(bodies) == sorted(f"body {number}".encode() for number in range(50))
    assert sorted(done) == list(range(1, 51))
    assert tally.is_good
    document = tally.document()
    assert document["count"] == 50
    assert document["answers"] == [{"answer": "202", "count": 50, "sample": "seen"}]


async def test_answers_that_are_not_2xx_are_counted_by_status_and_are_not_good():
    async with serving([202, 401, 401, 503]) as (url, _):
        tally = await post_all(maker(url), count=5, concurrency=1, on_progress=lambda _: None)
    assert tally.answers == {"202": 1, "401": 2, "503": 2}
    assert not tally.is_good


async def test_a_connection_that_breaks_is_counted_and_not_tried_again():
    async with serving([202, 0, 202]) as (url, bodies):
        tally = await post_all(maker(url), count=3, concurrency=1, on_progress=lambda _: None)
    assert tally.answers == {"202": 2, "RemoteProtocolError": 1}
    assert len(bodies) == 3
    assert not tally.is_good


async def test_where_nobody_listens_it_asks_whether_up_is_running():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes the port meanwhile
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/in/shop"
        with pytest.raises(OperatorError, match="is `hookwright up` running"):
            await post_all(maker(url), count=100, concurrency=8, on_progress=lambda _: None)


async def test_what_is_no_url_is_said():
    with pytest.raises(OperatorError, match="no URL"):
        await post_all(maker("http://[::1/in/x"), count=1, concurrency=1, on_progress=lambda _: None)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([1.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        (list(map(float, range(1, 101))), 0.99, 99.0),
        ([], 0.5, 0.0),
    ],
)
def test_a_percentile_is_a_value_that_was_really_measured(values, share, expected):
    assert percentile(values, share) == expected
