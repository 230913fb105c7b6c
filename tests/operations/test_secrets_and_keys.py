"""Secrets are sealed, keys are hashed; each is shown once or never, and ends when it is told to."""

import asyncio
import time
from hashlib import sha256
from pathlib import Path

import pytest
from running import PATIENCE_SECONDS, WORD, Running, prepare

from gateway.config import load_settings
from gateway.errors import BadSetting, NotFound, OperatorError
from gateway.operations import keys, secrets, sources
from gateway.operations.operator import open_operator

pytestmark = pytest.mark.asyncio(loop_scope="session")

OLD, NEW = "old-" + "k" * 32, "new-" + "k" * 32


def holders(folder: Path, value: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]


async def test_a_secret_works_and_is_in_no_file_of_the_data_folder(running: Running) -> None:
    value = "sealed-at-rest-5519"
    await running.add_source("sealed", word=value)
    body = {"email": "sealed@example.com", "visits": 1}
    assert (await running.http.post("/in/sealed", json=body, headers=WORD)).status_code == 401
    assert await secrets.unseal_secret(running.op, "sealed", "word") == value
    assert holders(running.settings.data_dir, value) == []
    assert holders(running.settings.data_dir, "sealed"), "the search does find what is there"
    assert value not in repr(await secrets.list_secrets(running.op, "sealed"))
    assert value not in repr(await sources.show_source(running.op, "sealed"))


async def test_a_replaced_secret_counts_for_the_very_next_request(running: Running) -> None:
    await running.add_source("replaced")
    body = {"email": "replaced@example.com", "visits": 1}
    for word in ("first-word", "second-word"):
        await secrets.set_secret(running.op, "replaced", "word", word)
        assert (await running.http.post("/in/replaced", json=body, headers={"x-word": word})).status_code == 202
        assert (await running.http.post("/in/replaced", json=body, headers=WORD)).status_code == 401


@pytest.mark.parametrize(("name", "value"), [("a b", "v"), ("", "v"), ("x" * 65, "v"), ("1a", "v")])
async def test_a_name_that_a_script_could_not_write_is_refused(running: Running, name: str, value: str) -> None:
    with pytest.raises(OperatorError, match="cannot name a secret"):
        await secrets.set_secret(running.op, "sealed", name, value)


@pytest.mark.parametrize("value", ["", " ", "\n", "\r\n"])
async def test_an_empty_secret_is_refused(running: Running, value: str) -> None:
    with pytest.raises(OperatorError, match="empty"):
        await secrets.set_secret(running.op, "sealed", "word", value)


async def test_one_newline_at_the_end_is_cut_and_no_more(running: Running) -> None:
    await running.add_source("newline", word="  kept \n\n")
    assert await secrets.unseal_secret(running.op, "newline", "word") == "  kept \n"


async def test_a_secret_of_a_source_that_is_not_there_is_refused(running: Running) -> None:
    with pytest.raises(NotFound):
        await secrets.set_secret(running.op, "nowhere", "word", "value")
    with pytest.raises(NotFound, match="hookwright secrets set"):
        await secrets.unseal_secret(running.op, "nowhere", "word")


async def test_another_secret_key_says_what_it_cannot_open_and_the_old_one_beside_it_can(
    tmp_path: Path, valkey_url: str
) -> None:
    first = prepare(tmp_path, f"{valkey_url}?db=5", secret_key=OLD)
    async with open_operator(first, actor="test") as op:
        await sources.add_source(op, "shop")
        await secrets.set_secret(op, "shop", "word", "value")
    for listed, opens in ((NEW, False), (f"{NEW}, {OLD}", True)):
        settings = load_settings(data_dir=tmp_path, redis_url=f"{valkey_url}?db=5", secret_key=listed)
        async with open_operator(settings, actor="test") as op:
            if opens:
                assert await secrets.unseal_secret(op, "shop", "word") == "value"
            else:
                with pytest.raises(BadSetting, match=r'secret "word" of source "shop".*HOOKWRIGHT_SECRET_KEY'):
                    await secrets.unseal_secret(op, "shop", "word")


async def test_a_key_is_shown_once_and_kept_as_a_hash(running: Running) -> None:
    made = await keys.create_key(running.op, "till", "sender", [])
    assert set(made) == {"id", "name", "role", "sources", "key"}
    assert made["key"].startswith("hwk_")
    assert len(made["key"]) >= 4 + 43, "32 random bytes"
    assert holders(running.settings.data_dir, made["key"]) == []
    assert holders(running.settings.data_dir, sha256(made["key"].encode()).hexdigest())
    listed = repr(await keys.list_keys(running.op))
    assert made["id"] in listed
    assert made["key"] not in listed
    assert sha256(made["key"].encode()).hexdigest() not in listed


async def test_a_revoked_key_is_refused_by_the_running_gateway_when_revoking_returns(running: Running) -> None:
    made = await keys.create_key(running.op, "leaver", "viewer", [])
    header = {"x-api-key": made["key"]}
    assert (await running.http.get("/api/orders/none", headers=header)).status_code == 404
    await keys.revoke_key(running.op, made["id"])
    assert (await running.http.get("/api/orders/none", headers=header)).status_code == 401
    (row,) = [key for key in await keys.list_keys(running.op) if key["id"] == made["id"]]
    assert row["revoked_at"] is not None
    with pytest.raises(NotFound, match="in force"):
        await keys.revoke_key(running.op, made["id"])


async def test_a_key_revoked_in_the_database_alone_ends_too(running: Running) -> None:
    """The watch asks every second: also where Redis told nobody."""
    from gateway.store.keys import revoke_key
    from gateway.store.registry import raise_generation

    made = await keys.create_key(running.op, "untold", "viewer", [])
    await running.op.write(lambda conn: revoke_key(conn, made["id"], 1))
    await running.op.write(raise_generation)
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (await running.http.get("/api/orders/none", headers={"x-api-key": made["key"]})).status_code != 401:
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(("name", "role", "reach"), [("k", "owner", []), (" ", "sender", [])])
async def test_a_key_without_a_name_or_with_no_such_role_is_refused(
    running: Running, name: str, role: str, reach: list[str]
) -> None:
    with pytest.raises(OperatorError):
        await keys.create_key(running.op, name, role, reach)


async def test_a_key_for_a_source_that_is_not_there_is_refused(running: Running) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await keys.create_key(running.op, "k", "sender", ["nowhere"])
