"""Each dependency by name: what holds, what does not, and what that means for senders."""

from pathlib import Path
from typing import Any

import pytest
from running import Running, prepare
from workbench import until

from gateway.config import load_settings
from gateway.operations.operator import open_operator
from gateway.operations.readiness import readiness
from gateway.queue.keys import PENDING
from gateway.queue.processes import forget_process, tell_process

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def checks_of(running: Running) -> dict[str, Any]:
    return dict((await readiness(running.op))["checks"])


def are_all_there(checks: dict[str, Any]) -> bool:
    """Tell whether both programs have told of themselves: while another loop ran they stood still, and were silent."""
    return all(checks[role].get("processes") for role in ("gateways", "workers"))


async def test_where_everything_runs_all_is_named(running: Running) -> None:
    checks = await until(lambda: checks_of(running), are_all_there)
    assert checks["redis"]["appendfsync"] == "always"
    assert checks["database"] == {"status": "ok", "why": []}
    assert set(checks["queue"]["lanes"]) == {"live", "bulk"}
    for role in ("gateways", "workers"):
        (process,) = checks[role]["processes"]
        assert process["version"]
        assert "seccomp" in process["sandbox"]
        assert process["pool"]["quarantined"] == 0


async def test_a_redis_that_may_forget_is_degraded_and_says_why(running: Running) -> None:
    (was,) = (await running.op.redis.config_get("appendfsync")).values()
    await running.op.redis.config_set("appendfsync", "everysec")
    try:
        found = await readiness(running.op)
    finally:
        await running.op.redis.config_set("appendfsync", was)
    assert found["status"] == "degraded"
    assert "appendfsync is not always" in found["checks"]["redis"]["why"][0]


async def test_a_missing_sandbox_layer_and_a_quarantined_source_are_degraded(running: Running) -> None:
    ((process,),) = [(await readiness(running.op))["checks"]["gateways"]["processes"]]
    sandbox = {**process["sandbox"], "seccomp": "off: old kernel"}
    odd = {**process, "host": "h", "pid": 7, "sandbox": sandbox, "quarantined": ["shop"]}
    await tell_process(running.op.redis, "odd", odd)
    found = await readiness(running.op)
    await forget_process(running.op.redis, "odd")
    assert found["status"] == "degraded"
    told = [why for why in found["checks"]["gateways"]["why"] if why.startswith("h:7")]
    assert any("seccomp" in why and "old kernel" in why for why in told)
    assert told[-1] == "h:7: source shop is quarantined"


async def test_a_full_queue_is_down(running: Running) -> None:
    full = running.op.settings.model_copy(update={"queue_events_max": 1})
    await running.op.redis.hset(PENDING, "evt_filler", "{}")
    async with open_operator(full, actor="test") as op:
        found = await readiness(op)
    await running.op.redis.hdel(PENDING, "evt_filler")
    assert (found["status"], found["checks"]["queue"]["status"]) == ("down", "down")


async def test_without_gateways_it_is_down_and_without_workers_degraded(valkey_url: str, tmp_path: Path) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=32")
    async with open_operator(settings, actor="test") as op:
        await op.redis.flushdb()
        nobody = await readiness(op)
        await tell_process(op.redis, "g", {"role": "gateway", "host": "h", "pid": 1, "started_at": 1.0})
        alone = await readiness(op)
        await op.redis.flushdb()
    assert (nobody["status"], nobody["checks"]["gateways"]["status"]) == ("down", "down")
    assert (alone["checks"]["gateways"]["status"], alone["checks"]["workers"]["status"]) == ("ok", "degraded")
    assert alone["checks"]["workers"]["why"] == ["no worker runs: nothing is applied"]


async def test_what_cannot_be_asked_is_an_answer(running: Running, tmp_path: Path) -> None:
    away = load_settings(
        data_dir=tmp_path, redis_url="unix:///tmp/there-is-no-such-socket.sock", secret_key="x" * 40, log_level="error"
    )
    async with open_operator(away, actor="test") as op:
        found = await readiness(op)
    assert found["status"] == "down"
    assert "not reachable" in found["checks"]["redis"]["why"][0]
    assert found["checks"]["database"]["status"] == "degraded"
