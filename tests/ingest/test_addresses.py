"""Who sent it and to which address, as the script is told: only a trusted proxy is believed."""

import echo
import orjson
import pytest
from running import Running
from sockets import head, wire

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("forwarded", "client_ip"),
    [
        (None, "127.0.0.1"),
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("10.9.9.9", "10.9.9.9"),
    ],
)
async def test_the_last_hop_that_is_not_ours_is_the_sender(
    edge: Running, forwarded: str | None, client_ip: str
) -> None:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert (await echo.ask(edge, "", headers))["client_ip"] == client_ip


async def test_nobody_is_believed_where_no_proxy_is_trusted(running: Running) -> None:
    await running.add_source("plain-echo", echo.SCRIPT)
    told = await echo.ask(running, "", {"x-forwarded-for": "203.0.113.9"}, source="plain-echo")
    assert told["client_ip"] == "127.0.0.1"


@pytest.mark.parametrize(
    "rest",
    ["", "/", "?", "/a/b?x=1&y=2", "/caf%C3%A9%2Fbar?q=a%20b+c&q=%E2%82%AC&empty=", "?a=1?b=2", "/a//b/../c"],
)
async def test_the_url_that_senders_sign_is_the_public_one_with_path_and_query_as_they_came(
    edge: Running, rest: str
) -> None:
    async with wire(edge) as raw:
        await raw.send(head(f"/in/echo{rest}", method="GET"))
        answer = await raw.read_answer()
    url = orjson.loads(answer.partition(b"\r\n\r\n")[2])["url"]
    assert url == f"https://hooks.example.com/shop/in/echo{rest.removesuffix('?')}"


async def test_a_host_header_never_decides_the_url(edge: Running, running: Running) -> None:
    told = await echo.ask(edge, "", {"host": "evil.example.com", "x-forwarded-host": "evil.example.com"})
    assert told["url"] == "https://hooks.example.com/shop/in/echo"


async def test_without_a_public_url_it_is_the_gateways_own_address(running: Running) -> None:
    await running.add_source("own-address", echo.SCRIPT)
    told = await echo.ask(running, "/x?y=1", source="own-address")
    assert told["url"] == f"http://127.0.0.1:{running.settings.gateway_port}/in/own-address/x?y=1"
