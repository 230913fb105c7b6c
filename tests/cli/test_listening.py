"""Ports: a taken one is said at once; readiness is asked of a real server."""

import asyncio
import socket

import pytest
from running import PATIENCE_SECONDS

from gateway.errors import BadSetting, Conflict
from gateway.supervise.ports import check_port, local_url
from gateway.supervise.readiness import wait_for_http


def test_a_port_in_use_is_said_with_the_setting_that_chooses_another():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} on 127.0.0.1 is in use .*HOOKWRIGHT_GATEWAY_PORT"):
            check_port("127.0.0.1", port, "HOOKWRIGHT_GATEWAY_PORT")
    check_port("127.0.0.1", port, "HOOKWRIGHT_GATEWAY_PORT")


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(BadSetting, match=r"192\.0\.2\.1"):
        check_port("192.0.2.1", 8080, "HOOKWRIGHT_GATEWAY_PORT")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("fd00::5", "http://[fd00::5]:8080"),
        ("hooks.example.com", "http://hooks.example.com:8080"),
    ],
)
def test_this_machine_reaches_what_listens_on_every_interface(host, url):
    assert local_url(host, 8080) == url


async def test_ready_is_only_who_answers_200():
    answers = [b"", b"HTTP/1.1 503 Not yet\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(answers[min(len(seen), len(answers) - 1)])
        writer.write(seen[-1])
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.wait_for(wait_for_http(f"http://127.0.0.1:{port}/readyz"), PATIENCE_SECONDS)
    assert seen[: len(answers)] == answers
