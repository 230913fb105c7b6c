"""The embedded Valkey: the real server from the wheel, as `up` runs it."""

import asyncio
import os
import signal
import stat

import pytest
from redis.asyncio import Redis
from running import PATIENCE_SECONDS

from gateway.errors import BadSetting, OperatorError
from gateway.supervise import valkey
from gateway.supervise.folder import lock_folder
from gateway.supervise.readiness import read_beats, wait_for_new_beat, wait_for_redis
from gateway.supervise.supervisor import Supervisor
from gateway.supervise.valkey import describe_valkey, find_valkey_binary, memory_bytes, prepare_socket_folder


@pytest.fixture
async def server(tmp_path):
    """A running Valkey in a folder: gives the supervisor and a client."""
    socket = tmp_path / "valkey.sock"
    with lock_folder(tmp_path) as lock:
        async with Supervisor(lambda _: None) as supervisor, Redis(unix_socket_path=str(socket)) as redis:
            await supervisor.start(describe_valkey(tmp_path, socket, lock))
            await asyncio.wait_for(wait_for_redis(redis), PATIENCE_SECONDS)
            supervisor.settle()
            yield supervisor, redis


async def test_it_promises_what_an_answer_stands_on(server):
    _, redis = server
    settings = await redis.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert int(settings["maxmemory"]) == memory_bytes() // 4
    assert settings["port"] == "0"
    assert settings["save"] == ""
    assert settings["auto-aof-rewrite-min-size"] == str(256 * 1024 * 1024)


async def test_only_its_user_can_reach_the_socket(server, tmp_path):
    assert stat.S_IMODE((tmp_path / "valkey.sock").stat().st_mode) == 0o700


async def test_after_a_kill_it_is_back_with_everything_that_was_answered(server):
    supervisor, redis = server
    for number in range(50):
        await redis.set(f"key:{number}", number)
    first = supervisor.process_id("valkey")
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while supervisor.process_id("valkey") == first:
            await asyncio.sleep(0.01)
        await wait_for_redis(redis)
    assert await redis.dbsize() == 50


async def test_a_start_that_fails_says_what_the_server_wrote_to_its_log(tmp_path):
    socket = tmp_path / "valkey.sock"
    socket.mkdir()
    (socket / "occupied").touch()
    with lock_folder(tmp_path) as lock:
        async with Supervisor(lambda _: None) as supervisor:
            await supervisor.start(describe_valkey(tmp_path, socket, lock))
            with pytest.raises(OperatorError) as caught:
                await asyncio.wait_for(supervisor.watch_start(), PATIENCE_SECONDS)
    assert caught.value.detail.startswith("valkey ended with exit code 1 while starting. Its log ends:")
    assert "nix socket" in caught.value.detail


async def test_only_a_heartbeat_that_is_new_counts(server):
    _, redis = server
    await redis.set("hookwright:worker:dead", "1")
    before = await read_beats(redis)
    waiting = asyncio.create_task(wait_for_new_beat(redis, before))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await redis.set("hookwright:worker:alive", "1")
    await asyncio.wait_for(waiting, PATIENCE_SECONDS)


def test_the_binary_of_the_wheel_is_found_and_can_be_run():
    assert os.access(find_valkey_binary(), os.X_OK)


def test_without_a_binary_the_way_out_is_said(monkeypatch):
    monkeypatch.setattr(valkey.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadSetting, match="HOOKWRIGHT_REDIS_URL"):
        find_valkey_binary()


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "aside").symlink_to(tmp_path / "theirs")
    with pytest.raises(BadSetting, match="belongs to somebody else"):
        prepare_socket_folder(tmp_path / "aside" / "valkey.sock")


def test_a_socket_folder_aside_is_private(tmp_path):
    prepare_socket_folder(tmp_path / "aside" / "valkey.sock")
    assert stat.S_IMODE((tmp_path / "aside").stat().st_mode) == 0o700


def test_a_container_limit_counts_where_it_is_lower_than_the_machine(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(valkey, "_CGROUP_LIMIT", limit)
    limit.write_text("max\n")
    whole = memory_bytes()
    limit.write_text("67108864\n")
    assert memory_bytes() == 67108864 < whole
