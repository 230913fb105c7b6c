"""Two thousand sockets that say nothing: a healthy sender is answered meanwhile, and all of them are closed."""

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from running import PATIENCE_SECONDS, WORD, prepare, run_all

SILENT = 2000
# Both ends of each are in this process, beside what the product itself has open.
DESCRIPTORS = 2 * SILENT + 500
# Long enough for a slow machine to connect all of them before the first is late.
HEAD_SECONDS = 8.0
BODY = orjson.dumps({"email": "healthy@example.com", "visits": 1})


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"THIS MACHINE ALLOWS {hard} OPEN FILES: two thousand silent sockets want {DESCRIPTORS}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
async def test_two_thousand_silent_sockets_keep_nobody_waiting_and_are_closed(valkey_url: str) -> None:
    with TemporaryDirectory(prefix="hw-") as folder, ExitStack() as stack:
        settings = prepare(Path(folder), f"{valkey_url}?db=14", head_seconds=HEAD_SECONDS, connections_max=SILENT + 50)
        async with run_all(settings) as running:
            await running.add_source("healthy")
            silent = [stack.enter_context(socket.socket()) for _ in range(SILENT)]
            loop = asyncio.get_running_loop()
            for one in silent:
                one.setblocking(False)
                await loop.sock_connect(one, ("127.0.0.1", settings.gateway_port))
            for one in silent[SILENT // 2 :]:
                await loop.sock_sendall(one, b"POST /in/healthy HTTP/1.1\r\nhost: x\r\nx-half: ")
            open_before = sum(not is_closed(one) for one in silent)
            answers = [await running.http.post("/in/healthy", content=BODY, headers=WORD) for _ in range(20)]
            assert {answer.status_code for answer in answers} == {202}
            assert open_before > SILENT // 2, "they were gone before the healthy sender came"
            await until_all_closed(silent)
            assert (await running.http.post("/in/healthy", content=BODY, headers=WORD)).status_code == 202


async def until_all_closed(sockets: list[socket.socket]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while left := [one for one in sockets if not is_closed(one)]:
        assert time.monotonic() < give_up_at, f"{len(left)} are still open"
        await asyncio.sleep(0.1)


def is_closed(one: socket.socket) -> bool:
    """Has the other side closed it? Nothing was ever answered on it."""
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
