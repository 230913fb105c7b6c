"""Sender of the neighbour: a process of its own, so that what a test does meanwhile is not measured.

`python neighbour_sender.py PORT PATH RATE` posts so many requests a second until it is ended, each of another person
and when it is due, over a few connections that stay open; what leaves late, because its connection still waits for an
answer, counts as waiting too. Writes a line for each that was answered: number, when it was due, the seconds from then
to its answer, status (0: the connection broke), id.
"""

import asyncio
import itertools
import sys
import time

CONNECTIONS = 16
BODY = '{{"email": "next-door-{number:08}@example.com", "visits": 1}}'
HEAD = "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-word: sesame-open\r\ncontent-length: {length}\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def post_in_turn(port: int, path: str, began: float, numbers: "itertools.count[int]", rate: float) -> None:
    """Post every so manieth request over one connection, or over the next one when that breaks."""
    streams: Streams | None = None
    for number in numbers:
        due = began + number / rate
        await asyncio.sleep(due - time.monotonic())
        try:
            streams = streams or await asyncio.open_connection("127.0.0.1", port)
            status, event_id = await post(streams, path, number)
        except (OSError, EOFError) as error:
            streams, status, event_id = None, 0, type(error).__name__
        print(number, due, time.monotonic() - due, status, event_id, flush=True)


async def post(streams: Streams, path: str, number: int) -> tuple[int, str]:
    (reader, writer), body = streams, BODY.format(number=number)
    writer.write((HEAD.format(path=path, length=len(body)) + body).encode())
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    await reader.readexactly(int(headers["content-length"]))
    return int(status.split()[1]), headers["x-request-id"]


async def post_for_ever(port: int, path: str, rate: float) -> None:
    began = time.monotonic()
    starts = (itertools.count(start, CONNECTIONS) for start in range(CONNECTIONS))
    await asyncio.gather(*(post_in_turn(port, path, began, numbers, rate) for numbers in starts))


if __name__ == "__main__":
    asyncio.run(post_for_ever(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
