"""When a key was used last: at every door that takes keys, and what is said where nobody knows."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import PATIENCE_SECONDS, Running, prepare

from console.app import build_console
from gateway.operations import keys, scripts, sources
from gateway.operations.operator import open_operator

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHOUT_AUTHENTICATE = '''"""Takes who has a key of the source."""


def transform(request, context):
    return []
'''


async def listed(running: Running, key_id: str) -> dict[str, Any]:
    [row] = [row for row in await keys.list_keys(running.op) if row["id"] == key_id]
    return row


async def seen(running: Running, key_id: str) -> str:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (row := await listed(running, key_id))["last_used_at"] is None:
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.01)
    assert row["is_use_known"]
    return str(row["last_used_at"])


async def make(running: Running, role: str, *reach: str) -> tuple[str, dict[str, str]]:
    made = await keys.create_key(running.op, "in use", role, list(reach))
    row = await listed(running, made["id"])
    assert (row["last_used_at"], row["is_use_known"]) == (None, True)
    return made["id"], {"x-api-key": made["key"]}


async def test_the_action_api_sees_who_posts(running: Running) -> None:
    key_id, header = await make(running, "sender")
    await running.http.post("/api/upsertContact", json={"identifiers": {"email": "u@u.u"}}, headers=header)
    assert (await listed(running, key_id))["created_at"] < await seen(running, key_id)


async def test_a_key_that_is_in_use_and_not_let_in_is_in_use_all_the_same(running: Running) -> None:
    key_id, header = await make(running, "viewer")
    assert (await running.http.post("/api/upsertContact", json={}, headers=header)).status_code == 403
    await seen(running, key_id)


async def test_a_source_that_asks_for_a_key_sees_it(running: Running) -> None:
    await sources.add_source(running.op, "keyed-use")
    await scripts.push_script(running.op, "keyed-use", WITHOUT_AUTHENTICATE, is_published=True)
    key_id, header = await make(running, "sender", "keyed-use")
    assert (await running.http.post("/in/keyed-use", json={}, headers=header)).status_code == 202
    await seen(running, key_id)


async def test_the_management_api_of_the_console_sees_who_asks_and_shows_it(running: Running) -> None:
    key_id, header = await make(running, "admin")
    app = build_console(running.op, running.settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        assert (await http.get("/api/sources", headers=header)).status_code == 200
        used_at = await seen(running, key_id)
        shown = (await http.get("/api/keys?limit=500", headers=header)).json()["keys"]
    assert [one["last_used_at"] for one in shown if one["id"] == key_id] == [used_at]


async def test_a_key_that_was_used_and_revoked_keeps_its_last_use(running: Running) -> None:
    key_id, header = await make(running, "viewer")
    await running.http.get("/api/orders/none", headers=header)
    used_at = await seen(running, key_id)
    await keys.revoke_key(running.op, key_id)
    assert (await running.http.get("/api/orders/none", headers=header)).status_code == 401
    assert (await listed(running, key_id))["last_used_at"] == used_at


async def test_without_redis_keys_are_listed_and_nobody_says_that_they_are_not_in_use(tmp_path: Path) -> None:
    async with open_operator(prepare(tmp_path, f"unix://{tmp_path}/nothing.sock"), actor="test") as op:
        made = await keys.create_key(op, "k", "viewer", [])
        [row] = await keys.list_keys(op)
    assert row["id"] == made["id"]
    assert (row["last_used_at"], row["is_use_known"]) == (None, False)
