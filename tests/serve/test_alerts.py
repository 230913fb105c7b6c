"""People are told: signed, once, again where nobody heard, and never in the way of anything."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import pytest_asyncio
from hearers import Hearer, hearing
from redis.asyncio import Redis
from running import PATIENCE_SECONDS, Running
from structlog.testing import capture_logs

from gateway.metrics import Metrics
from gateway.operations.alerts import ALERT_KEY, show_alert_secret
from gateway.queue.connect import open_redis
from gateway.sandbox.health import Quarantine
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script
from gateway.serve import alerts
from gateway.serve.alerts import Alerts

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Desk:
    """What the alerts look at, in the test's hands."""

    def __init__(self) -> None:
        self.metrics, self.pool, self.full = Metrics(), Pool(), None


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(alerts, "PAUSES_SECONDS", (0.01, 0.01, 0.01))


@pytest_asyncio.fixture(loop_scope="session")
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(f"{valkey_url}?db=15")
    await redis.flushdb()
    yield redis
    await redis.aclose(close_connection_pool=True)


def script_of(source: str) -> Script:
    return Script(source=source, version_id="ver_1", revision="1", text="", published_at=1)


@asynccontextmanager
async def alerting(url: str, redis: Redis, desk: Desk) -> AsyncIterator[Alerts]:
    one = Alerts(url, b"secret", redis, desk.metrics, desk.pool, lambda: desk.full)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def next_alert(hearer: Hearer) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return dict(orjson.loads((await hearer.heard.get())[1]))


async def test_parked_events_are_told_with_how_many_once_a_minute_a_source(redis: Redis) -> None:
    desk = Desk()
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, desk):
        desk.metrics.count("applied", "failed", "shop", by=3)
        first = await next_alert(hearer)
        assert (first["type"], first["data"]) == ("events.failed", {"source": "shop", "count": 3})
        for _ in range(5):
            desk.metrics.count("applied", "failed", "shop")
            await asyncio.sleep(0.03)
        desk.metrics.count("applied", "failed", "till")
        assert (await next_alert(hearer))["data"] == {"source": "till", "count": 1}
        assert hearer.heard.empty()
        await redis.delete("hookwright:alerted:shop")  # the minute is over
        assert (await next_alert(hearer))["data"] == {"source": "shop", "count": 5}


async def test_of_several_workers_one_tells_in_a_minute(redis: Redis) -> None:
    desks = [Desk(), Desk()]
    one, two = desks
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, one), alerting(hearer.url, redis, two):
        for desk in desks:
            desk.metrics.count("applied", "failed", "shop", by=2)
        await next_alert(hearer)
        await asyncio.sleep(0.2)
        assert hearer.heard.empty()
        await redis.delete("hookwright:alerted:shop")
        assert (await next_alert(hearer))["data"]["count"] == 2, "the other one has kept its count"


async def test_a_quarantine_is_told_once(redis: Redis) -> None:
    desk = Desk()
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, desk):
        desk.pool._health.quarantine(script_of("shop"), "forbidden system call")
        told = await next_alert(hearer)
        assert (told["type"], told["data"]["source"]) == ("source.quarantined", "shop")
        await asyncio.sleep(0.1)
        assert hearer.heard.empty()


async def test_a_quarantine_that_another_process_has_caught_is_told_by_that_one(redis: Redis) -> None:
    desk = Desk()
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, desk):
        desk.pool.shut(Quarantine("shop", "ver_1", published_at=1, at=2, reason="forbidden system call"))
        desk.pool._health.quarantine(script_of("till"), "forbidden system call")
        assert (await next_alert(hearer))["data"]["source"] == "till"
        await asyncio.sleep(0.1)
        assert hearer.heard.empty()


async def test_backpressure_is_told_when_it_begins_and_when_it_ends(redis: Redis) -> None:
    desk = Desk()
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, desk):
        desk.full = "the queue is full: 7 events wait"
        began = await next_alert(hearer)
        desk.full = None
        ended = await next_alert(hearer)
    assert (began["type"], began["data"]["reason"]) == ("backpressure.began", "the queue is full: 7 events wait")
    assert ended["type"] == "backpressure.ended"


async def test_an_alert_is_signed_as_standard_webhooks_have_it(running: Running, redis: Redis) -> None:
    secret, desk = await show_alert_secret(running.op), Desk()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert key == running.op.sealer.derive_key(ALERT_KEY)
    async with hearing("/alerts") as hearer:
        one = Alerts(hearer.url, key, redis, desk.metrics, desk.pool, lambda: desk.full)
        await one.start()
        desk.pool._health.quarantine(script_of("shop"), "x")
        async with asyncio.timeout(PATIENCE_SECONDS):
            headers, body = await hearer.heard.get()
        await one.close()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_an_alert_that_nobody_heard_is_told_again_under_its_id_and_then_said_in_the_log(
    redis: Redis,
) -> None:
    desk = Desk()
    async with hearing("/alerts") as hearer, alerting(hearer.url, redis, desk):
        hearer.refusals = [500, 302, 503]
        desk.pool._health.quarantine(script_of("shop"), "x")
        ids = {(await hearer.heard.get())[0]["webhook-id"] for _ in range(4)}
        assert len(ids) == 1
        hearer.refusals = [500] * 4
        with capture_logs() as lines:
            desk.pool._health.quarantine(script_of("till"), "x")
            for _ in range(4):
                await hearer.heard.get()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not whys_of(lines):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        assert whys_of(lines) == ["answered 500"]
        assert hearer.heard.empty()


def whys_of(lines: list[Any]) -> list[str]:
    """Read why alerts were given up."""
    return [line["why"] for line in lines if line["event"] == "alert_not_told"]


async def test_without_an_address_nobody_looks(redis: Redis) -> None:
    desk = Desk()
    async with alerting("", redis, desk) as one:
        desk.metrics.count("applied", "failed", "shop")
        await asyncio.sleep(0.1)
        assert one._waiting.empty()
        assert await redis.keys("hookwright:alerted:*") == []
