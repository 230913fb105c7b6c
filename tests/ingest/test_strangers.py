"""Who only makes work comes back later; who is genuine never meets that."""

import asyncio
import time
from itertools import count

import httpx
import orjson
import pytest
from running import PATIENCE_SECONDS, WORD, Running
from sockets import head, wire

from gateway.ingest.strangers import address_group

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "stranger@example.com", "visits": 1})
_numbers = count(1)


def fresh_address() -> str:
    return f"203.0.113.{next(_numbers)}"


async def knock(running: Running, address: str, path: str = "/in/open", **headers: str) -> httpx.Response:
    return await running.http.post(path, content=BODY, headers={"x-forwarded-for": address, **headers})


async def until_turned_away(running: Running, address: str, path: str = "/in/open") -> httpx.Response:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (answer := await knock(running, address, path)).status_code != 429:
        assert time.monotonic() < give_up_at, f"{address} was never turned away"
        await asyncio.sleep(0.01)
    return answer


@pytest.mark.parametrize("path", ["/in/open", "/in/nobody", "/nowhere", "/api/upsertContact"])
async def test_an_address_that_is_refused_too_often_is_told_to_come_back(tight: Running, path: str) -> None:
    answer = await until_turned_away(tight, fresh_address(), path)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["violated-policies"] == ["stranger-refusals"]


async def test_it_is_told_before_its_body_is_read(tight: Running) -> None:
    address = fresh_address()
    await until_turned_away(tight, address)
    async with wire(tight) as eager:
        await eager.send(head("/in/open", f"x-forwarded-for: {address}", "content-length: 1000000"))
        assert (await eager.read_answer()).startswith(b"HTTP/1.1 429 ")


async def test_other_addresses_are_not_meant(tight: Running) -> None:
    await until_turned_away(tight, fresh_address())
    assert (await knock(tight, fresh_address(), **WORD)).status_code == 202


async def test_genuine_traffic_is_never_counted(tight: Running) -> None:
    address = fresh_address()
    for _ in range(tight.settings.stranger_refusals_per_minute * 3):
        answer = await knock(tight, address, "/in/other", **WORD)
        assert answer.status_code == 202
        await tight.event(answer.json()["id"])  # a slow worker would leave the source no room for the next one
    await asyncio.sleep(0.3)
    assert (await knock(tight, address, "/in/other")).status_code == 401


async def test_a_sender_who_shares_its_address_with_a_stranger_goes_on(tight: Running) -> None:
    """As shops do that send from one platform, when one of them has a wrong secret."""
    address = fresh_address()
    assert (await knock(tight, address, "/in/other", **WORD)).status_code == 202
    await until_turned_away(tight, address)
    assert (await knock(tight, address, "/in/other", **WORD)).status_code == 202
    assert (await knock(tight, address, **WORD)).status_code == 429


async def test_a_key_in_force_opens_the_door_from_any_address(tight: Running) -> None:
    address = fresh_address()
    await until_turned_away(tight, address, "/api/upsertContact")
    key = (await tight.make_key("admin"))["x-api-key"]
    found = await tight.http.get("/api/events/evt_x", headers={"x-forwarded-for": address, "x-api-key": key})
    assert found.status_code == 404
    assert (await tight.http.get("/healthz", headers={"x-forwarded-for": address})).status_code == 200


async def test_the_addresses_of_one_ipv6_network_are_one_stranger(tight: Running) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    for number in count(1):
        if (await knock(tight, f"2001:db8:1:2::{number:x}")).status_code == 429:
            break
        assert time.monotonic() < give_up_at
    assert number > tight.settings.stranger_refusals_per_minute
    assert (await knock(tight, "2001:db8:1:3::1")).status_code == 401


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
async def test_what_counts_as_one_sender(address: str, group: str) -> None:
    assert address_group(address) == group


async def test_a_gateway_without_that_limit_turns_nobody_away(running: Running) -> None:
    """As the session's product: all tests share one address."""
    answers = [await running.http.post("/in/nobody", content=BODY) for _ in range(40)]
    await asyncio.sleep(0.3)
    answers.append(await running.http.post("/in/nobody", content=BODY))
    assert {answer.status_code for answer in answers} == {404}
