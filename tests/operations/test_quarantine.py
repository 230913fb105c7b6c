"""A script that tried to leave its sandbox is shut in every process, until a person publishes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from running import PATIENCE_SECONDS, free_port, prepare, serving, working

from gateway.config import Settings
from gateway.operations import limits, scripts, secrets, sources
from gateway.operations.operator import Operator, open_operator
from gateway.operations.readiness import list_quarantined
from gateway.operations.stats import product_metrics
from gateway.queue.keys import QUARANTINES
from gateway.queue.processes import list_processes
from gateway.registry import POLL_SECONDS
from gateway.sandbox import seccomp
from gateway.sandbox.pool import Pool

pytestmark = pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine")

PLAIN_PYTHON = """
def authenticate(request, context):
    return True


def transform(request, context):
    if request.json["is_evil"]:
        import os
        os.fork()
    return [{"action": "upsertContact", "identifiers": {"email": "quarantine@example.com"}}]
"""
GOOD, EVIL = {"is_evil": False}, {"is_evil": True}


@pytest.fixture(autouse=True)
def _without_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scripts be plain Python, as if the fence had fallen: the wall sees what they try."""
    for program in ("gateway.serve.gateway", "gateway.serve.worker", "gateway.operations.operator"):
        monkeypatch.setattr(f"{program}.Pool", partial(Pool, is_fenced=False))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Operator]:
    async with open_operator(settings, actor="test") as op:
        await op.redis.flushdb()
        for name in ("shop", "neighbour"):
            await sources.add_source(op, name)
            await scripts.push_script(op, name, PLAIN_PYTHON, is_published=True)
        yield op


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Run a gateway; gives how to post to it."""
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as http:

        async def post(source: str, body: dict[str, bool]) -> int:
            return (await http.post(f"/in/{source}", json=body)).status_code

        yield post


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not await reached():
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)


async def tells(op: Operator, *expected: list[str]) -> bool:
    """Say whether the processes that run tell of these sources as quarantined."""
    return [one["quarantined"] for one in await list_processes(op.redis)] == list(expected)


async def test_what_one_gateway_has_caught_is_shut_in_all_and_in_the_worker(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=20")
    other = settings.model_copy(update={"gateway_port": free_port()})
    async with opened(settings) as op, gateway(settings) as post, gateway(other) as post_elsewhere, working(settings):
        assert await post_elsewhere("shop", GOOD) == 202
        assert await post("shop", EVIL) == 202

        async def is_shut_elsewhere() -> bool:
            return await post_elsewhere("shop", GOOD) == 503

        await until(is_shut_elsewhere)
        assert await post("shop", GOOD) == 503
        assert [await post("neighbour", GOOD), await post_elsewhere("neighbour", GOOD)] == [202, 202]
        await until(lambda: tells(op, ["shop"], ["shop"], ["shop"]))
        assert b"hookwright_sources_quarantined 1.0\n" in await product_metrics(op)
        (caught,) = (await list_quarantined(op)).items()
        assert (caught[0], caught[1]["reason"].partition(":")[0]) == ("shop", "forbidden system call")


async def test_only_publishing_ends_it_and_no_other_change_of_the_source(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=20")
    async with opened(settings) as op, gateway(settings) as post:
        assert await post("shop", EVIL) == 202
        await secrets.set_secret(op, "shop", "word", "another")
        await limits.set_limits(op, "shop", {"wall_seconds": 0.9})
        await sources.pause_source(op, "shop")
        await sources.resume_source(op, "shop")
        await scripts.push_script(op, "shop", PLAIN_PYTHON)
        assert await post("shop", GOOD) == 503
        await asyncio.sleep(POLL_SECONDS + 0.2)  # the watch has looked again by then
        assert await post("shop", GOOD) == 503
        assert "shop" in await list_quarantined(op)
        await until(lambda: tells(op, ["shop"]))
        await scripts.publish_version(op, "shop", "1")
        assert await post("shop", GOOD) == 202
        assert await list_quarantined(op) == {}
        await until(lambda: tells(op, []))
        assert await post("shop", EVIL) == 202
        assert await post("shop", GOOD) == 503, "the same version again, and it did it again"


async def test_it_outlasts_a_restart_also_where_the_database_is_away(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=20")
    async with opened(settings), gateway(settings) as post:
        assert await post("shop", EVIL) == 202
        assert await post("shop", GOOD) == 503
    (tmp_path / "hookwright.db").rename(tmp_path / "away.db")
    async with gateway(settings) as post:
        assert await post("shop", GOOD) == 503
        assert await post("neighbour", GOOD) == 202


async def test_a_redis_that_has_not_heard_of_it_is_told_later(tmp_path: Path, valkey_url: str) -> None:
    settings = prepare(tmp_path, f"{valkey_url}?db=20")
    async with opened(settings) as op, gateway(settings) as post:
        assert await post("shop", EVIL) == 202

        async def is_told() -> bool:
            return bool(await op.redis.exists(QUARANTINES))

        await until(is_told)
        await op.redis.delete(QUARANTINES)
        await until(is_told)
        assert await post("shop", GOOD) == 503
