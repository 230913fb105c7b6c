"""How many a minute: of a source, of an API key. Gateways that share a Redis count together."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running, prepare, run_all
from sockets import head, wire

from gateway.errors import TooMany
from gateway.ingest import rates as rates_module
from gateway.ingest.rates import KEY, SOURCE, Rates
from gateway.metrics import Metrics
from gateway.operations.limits import set_limits
from gateway.queue.connect import open_redis

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "rate@example.com", "visits": 1})
AN_ACTION = {"identifiers": {"email": "a@b.c"}}


@pytest.fixture(autouse=True)
def _redis_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no gateway count for itself because this machine is busy."""
    monkeypatch.setattr(rates_module, "REDIS_SECONDS", PATIENCE_SECONDS)


async def open_limited(running: Running, name: str, per_minute: int) -> None:
    await running.add_source(name)
    await set_limits(running.op, name, {"requests_per_minute": per_minute})


async def test_past_the_rate_of_a_source_it_is_429_and_nothing_is_kept(tight: Running) -> None:
    await open_limited(tight, "three-a-minute", 3)
    answers = [await tight.http.post("/in/three-a-minute", content=BODY, headers=WORD) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
    refused = answers[-1]
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert refused.headers["ratelimit-policy"] == '"source-requests";q=3;w=60'
    assert refused.headers["ratelimit"] == f'"source-requests";r=0;t={seconds}'
    assert refused.json()["violated-policies"] == ["source-requests"]
    for answer in answers[:3]:
        await tight.event(answer.json()["id"])
    unknown = await tight.http.get(f"/api/events/{refused.headers['x-request-id']}", headers=tight.admin)
    assert unknown.status_code == 404


async def test_who_is_past_the_rate_is_told_before_the_body_is_read(tight: Running) -> None:
    await open_limited(tight, "one-a-minute", 1)
    for _ in range(2):
        await tight.http.post("/in/one-a-minute", content=BODY, headers=WORD)
    async with wire(tight) as eager:
        await eager.send(head("/in/one-a-minute", "x-word: sesame-open", "content-length: 1000000"))
        assert (await eager.read_answer()).startswith(b"HTTP/1.1 429 ")


async def test_what_is_not_genuine_uses_up_nobodys_rate(tight: Running) -> None:
    await open_limited(tight, "two-a-minute", 2)
    stranger = {"x-forwarded-for": "198.51.100.200"}
    for _ in range(5):
        assert (await tight.http.post("/in/two-a-minute", content=BODY, headers=stranger)).status_code == 401
    assert (await tight.http.post("/in/two-a-minute", content=BODY, headers=WORD)).status_code == 202


async def test_actions_of_a_key_of_a_source_count_in_its_rate(tight: Running) -> None:
    await open_limited(tight, "api-and-hooks", 2)
    key = await tight.make_key("sender", "api-and-hooks")
    assert (await tight.http.post("/in/api-and-hooks", content=BODY, headers=WORD)).status_code == 202
    assert (await tight.http.post("/api/upsertContact", json=AN_ACTION, headers=key)).status_code == 202
    assert (await tight.http.post("/api/upsertContact", json=AN_ACTION, headers=key)).status_code == 429
    assert (await tight.http.post("/in/api-and-hooks", content=BODY, headers=WORD)).status_code == 429


@pytest_asyncio.fixture(loop_scope="session")
async def few_a_key(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        settings = prepare(Path(folder), f"{valkey_url}?db=13", key_requests_per_minute=3)
        async with run_all(settings) as running:
            yield running


async def test_an_api_key_has_its_own_rate(few_a_key: Running) -> None:
    key, other = await few_a_key.make_key("sender"), await few_a_key.make_key("admin")
    answers = [await few_a_key.http.post("/api/upsertContact", json=AN_ACTION, headers=key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].json()["violated-policies"] == ["key-requests"]
    assert (await few_a_key.http.get("/api/events/evt_x", headers=key)).status_code == 429
    assert (await few_a_key.http.get("/api/events/evt_x", headers=other)).status_code == 404


async def test_its_rate_holds_at_a_source_that_it_opens_too(few_a_key: Running) -> None:
    await few_a_key.add_source("by-key", "def transform(request, context):\n    return []\n")
    key = await few_a_key.make_key("sender", "by-key")
    answers = [await few_a_key.http.post("/in/by-key", json={}, headers=key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].json()["violated-policies"] == ["key-requests"]


async def test_two_gateways_count_together(valkey_url: str) -> None:
    redis = open_redis(f"{valkey_url}?db=13")
    one, two = Rates(redis, Metrics()), Rates(redis, Metrics())
    for rates in (one, two, one):
        await rates.take(SOURCE, "shared", 3)
    for rates in (one, two):
        with pytest.raises(TooMany):
            await rates.take(SOURCE, "shared", 3)
    await one.take(SOURCE, "another", 3)
    await one.take(KEY, "shared", 3)
    await redis.aclose(close_connection_pool=True)


async def test_while_redis_is_away_each_gateway_counts_for_itself() -> None:
    redis = open_redis("unix:///tmp/there-is-no-such-socket.sock")
    metrics = Metrics()
    rates = Rates(redis, metrics)
    for _ in range(3):
        await rates.take(SOURCE, "alone", 3, "alone")
    with pytest.raises(TooMany):
        await rates.take(SOURCE, "alone", 3, "alone")
    assert metrics.series["alone"]["limited:source-requests"] == 1
    await redis.aclose(close_connection_pool=True)
