"""Client: the load where there is no wrk; a process of its own, so that it takes turns with nobody.

`python -m tests.bench.client PORT CONNECTIONS SECONDS FILE` reads the same file of requests as wrk.lua and
ends with the same line of JSON.
"""

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvloop

from tests.bench.figures import percentile
from tests.bench.orders import Template

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Tally:
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    broken: int = 0


class Poster(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the one before is whole."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, stop_at: float) -> None:
        self._requests, self._tally, self._stop_at = requests, tally, stop_at
        self._answer, self._posted_at = b"", 0.0
        self._transport: asyncio.Transport | None = None
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._post()

    def _post(self) -> None:
        assert self._transport is not None
        self._posted_at = time.perf_counter()
        if self._posted_at >= self._stop_at:
            self._end()
            return
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, gap, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not gap or (length and len(body) < int(length[1])):
            return
        self._tally.latencies.append(time.perf_counter() - self._posted_at)
        self._tally.refused += not head.startswith(b"HTTP/1.1 2")
        self._answer = b""
        self._post()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._tally.broken += 1
            self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def post(port: int, connections: int, seconds: float, requests: list[Template]) -> dict[str, float]:
    """Post for a while; give the line that wrk.lua writes."""
    tally, started = Tally(), time.perf_counter()
    numbered = (requests[number % len(requests)].numbered(number + 1) for number in itertools.count())
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: Poster(numbered, tally, started + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.wait([poster.ended for _, poster in pairs], timeout=seconds + _GRACE_SECONDS)
    took = time.perf_counter() - started
    tally.broken += sum(not poster.ended.done() for _, poster in pairs)
    return {
        "count": len(tally.latencies),
        "seconds": took,
        "p50_ms": percentile(tally.latencies, 0.5) * 1000,
        "p99_ms": percentile(tally.latencies, 0.99) * 1000,
        "refused": tally.refused,
        "broken": tally.broken,
    }


def read_requests(path: Path) -> list[Template]:
    data, position, found = path.read_bytes(), 0, []
    while position < len(data):
        line_end = data.index(b"\n", position)
        start, pieces = line_end + 1, []
        for length in map(int, data[position:line_end].split()):
            pieces.append(data[start : start + length])
            start += length
        found.append(Template(tuple(pieces)))
        position = start
    return found


def main(port: str, connections: str, seconds: str, path: str) -> None:
    tally = uvloop.run(post(int(port), int(connections), float(seconds), read_requests(Path(path))))
    print(orjson.dumps(tally).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
