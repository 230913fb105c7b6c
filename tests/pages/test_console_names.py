"""By which names the console answers: its own. A stranger's name that is led here (DNS rebinding) gets nothing."""

from pathlib import Path

import httpx
import pytest
from visitors import House, open_house

from gateway.operations.keys import create_key

pytestmark = pytest.mark.asyncio(loop_scope="module")


def knocking(house: House) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://127.0.0.1:8081")


async def status(house: House, host: str, path: str = "/sign-in") -> int:
    async with knocking(house) as http:
        return (await http.get(path, headers={"host": host})).status_code


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3:8081", "[::1]:8081", "[fd00::7]"])
async def test_by_ip_address_it_always_answers(shared_house: House, host: str) -> None:
    assert await status(shared_house, host) == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8081", "localhost.:8081", "hooks.localhost:8081"])
async def test_as_localhost_it_always_answers(shared_house: House, host: str) -> None:
    assert await status(shared_house, host) == 200


NAMES_OF_STRANGERS = (
    "",
    "evil.example",
    "evil.example:8081",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "console.example.evil.example",
    "notlocalhost",
    "127.0.0.1@evil.example",
    "evil.example#@127.0.0.1",
    "evil.example:[::1]",
    "[::1].evil.example",
    "[::1",
)


async def test_by_a_strangers_name_it_does_not(tmp_path: Path, valkey_url: str) -> None:
    async with open_house(tmp_path, valkey_url, console_url="https://console.example") as house:
        for host in NAMES_OF_STRANGERS:
            assert await status(house, host) == 421, host
        for path in ("/readyz", "/static/nothing.css", "/nowhere", "/openapi.json", "/healthz/", "/api"):
            assert await status(house, "evil.example", path) == 421, path


async def test_by_the_name_that_people_call_it_answers(tmp_path: Path, valkey_url: str) -> None:
    named = {"console_url": "https://Console.Example:8443/", "console_host": "Inside"}
    async with open_house(tmp_path, valkey_url, **named) as house:
        for host in ("console.example", "console.example:8443", "CONSOLE.example.", "inside:8081", "localhost"):
            assert await status(house, host) == 200, host
        assert await status(house, "console.example.net") == 421


async def test_who_is_turned_away_is_told_the_setting_and_nothing_of_the_console(shared_house: House) -> None:
    async with knocking(shared_house) as http:
        answer = await http.get("/sign-in", headers={"host": "hooks.internal:8081"})
    assert answer.status_code == 421
    assert "HOOKWRIGHT_CONSOLE_URL" in answer.text
    assert "'hooks.internal:8081'" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


async def test_a_cookie_that_a_strangers_page_could_send_opens_nothing(shared_house: House) -> None:
    visitor = await shared_house.signed_in("admin")
    assert (await visitor.get("/account")).status_code == 200
    assert (await visitor.get("/account", host="evil.example")).status_code == 421
    sent = {"host": "evil.example", "origin": "http://evil.example"}
    assert (await visitor.post("/account/name", {"name": "Eve"}, **sent)).status_code == 421


async def test_a_probe_that_tells_nothing_and_a_program_with_a_key_come_by_any_name(shared_house: House) -> None:
    key = (await create_key(shared_house.op, "beside us", "viewer", []))["key"]
    named = {"host": "console:8081"}
    async with knocking(shared_house) as http:
        assert (await http.get("/healthz", headers=named)).status_code == 200
        assert (await http.get("/api/sources", headers=named)).status_code == 401
        assert (await http.get("/api/sources", headers=named | {"x-api-key": key})).status_code == 200
