"""What gateways know of sources: the same in all of them, and also while the database is away."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from running import OPEN_SCRIPT, PATIENCE_SECONDS, WORD, free_port, prepare, serving

from gateway.config import Settings
from gateway.operations import keys, scripts, secrets, sources
from gateway.operations.operator import Operator, open_operator
from gateway.registry import POLL_SECONDS

BODY = {"email": "registry@example.com", "visits": 1}


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as http:
        yield http


async def add_source(op: Operator, name: str) -> None:
    await sources.add_source(op, name)
    await secrets.set_secret(op, name, "word", WORD["x-word"])
    await scripts.push_script(op, name, OPEN_SCRIPT, is_published=True)


async def test_what_is_published_is_in_every_gateway_when_publishing_returns(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=6")
    other = settings.model_copy(update={"gateway_port": free_port()})
    async with AsyncExitStack() as stack:
        op = await stack.enter_async_context(open_operator(settings, actor="test"))
        clients = [await stack.enter_async_context(gateway(each)) for each in (settings, other)]
        await add_source(op, "both")
        for http in clients:
            assert (await http.post("/in/both", json=BODY, headers=WORD)).status_code == 202
        await sources.disable_source(op, "both")
        for http in clients:
            assert (await http.post("/in/both", json=BODY, headers=WORD)).status_code == 410
        made = await keys.create_key(op, "k", "sender", [])
        for http in clients:
            answer = await http.post("/api/batch", json=[], headers={"x-api-key": made["key"]})
            assert answer.status_code == 422, "known there, and the body is what is wrong"
        await keys.revoke_key(op, made["id"])
        for http in clients:
            answer = await http.post("/api/batch", json=[], headers={"x-api-key": made["key"]})
            assert answer.status_code == 401


async def test_a_gateway_starts_and_serves_while_the_database_is_away(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=7")
    async with open_operator(settings, actor="test") as op:
        await add_source(op, "lasting")
        async with gateway(settings) as http:
            assert (await http.post("/in/lasting", json=BODY, headers=WORD)).status_code == 202

    kept = orjson.loads(settings.registry_path.read_bytes())
    assert WORD["x-word"] not in settings.registry_path.read_text()
    assert settings.registry_path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "hookwright.db").rename(tmp_path / "away.db")
    async with gateway(settings) as http:
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.post("/in/lasting", json=BODY, headers=WORD)).status_code == 202
        assert (await http.post("/in/lasting", json=BODY)).status_code == 401
        assert (await http.post("/in/nobody", json=BODY)).status_code == 404
    assert kept["generation"] >= 3


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 1000])
async def test_a_database_that_is_damaged_is_not_needed_to_serve(
    tmp_path: Path, valkey_url: str, damage: bytes
) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=8")
    async with open_operator(settings, actor="test") as op:
        await add_source(op, "lasting")
    async with gateway(settings):
        pass
    for path in tmp_path.glob("hookwright.db*"):
        path.unlink()
    (tmp_path / "hookwright.db").write_bytes(damage)
    async with gateway(settings) as http:
        await asyncio.sleep(POLL_SECONDS + 0.2)  # the watch has asked the database by then
        assert (await http.post("/in/lasting", json=BODY, headers=WORD)).status_code == 202


async def test_a_gateway_takes_up_the_database_when_it_answers_again(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=9")
    database = sqlite3.connect(tmp_path / "hookwright.db", isolation_level=None)
    async with open_operator(settings, actor="test") as op:
        await add_source(op, "before")
        async with gateway(settings):
            pass
        await add_source(op, "meanwhile")
    database.execute("ALTER TABLE registry RENAME TO registry_away")
    async with gateway(settings) as http:
        assert (await http.post("/in/before", json=BODY, headers=WORD)).status_code == 202
        assert (await http.post("/in/meanwhile", json=BODY, headers=WORD)).status_code == 404
        await asyncio.sleep(POLL_SECONDS + 0.2)
        database.execute("ALTER TABLE registry_away RENAME TO registry")
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while (await http.post("/in/meanwhile", json=BODY, headers=WORD)).status_code != 202:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.05)
    database.close()


@pytest.mark.parametrize("kept", [None, b'{"generation": 1, "sour', b"[]", b'{"generation": 1}'])
async def test_without_a_database_and_a_whole_file_a_gateway_does_not_start(
    tmp_path: Path, valkey_url: str, kept: bytes | None
) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=10")
    (tmp_path / "hookwright.db").unlink()
    if kept is not None:
        settings.registry_path.write_bytes(kept)
    with pytest.raises(Exception, match="no such file: run `hookwright migrate`"):
        async with gateway(settings):
            pass
