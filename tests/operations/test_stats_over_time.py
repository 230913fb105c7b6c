"""Charts and totals: of what really came in, for all sources and for each."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from running import PATIENCE_SECONDS, WORD, Running

from gateway.errors import OperatorError
from gateway.operations.stats import overview, product_metrics, source_hours
from gateway.queue.stats import SPANS, add_stats

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "stats@example.com", "visits": 1})


async def until(ask: Callable[[], Awaitable[Any]], is_there: Callable[[Any], bool]) -> Any:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not is_there(found := await ask()):
        assert time.monotonic() < give_up_at, found
        await asyncio.sleep(0.1)
    return found


async def test_requests_and_what_became_of_them_are_seen_in_every_span(running: Running) -> None:
    await running.add_source("charted")
    for _ in range(4):
        assert (await running.http.post("/in/charted", content=BODY, headers=WORD)).status_code == 202
    assert (await running.http.post("/in/charted", content=BODY)).status_code == 401
    for span, shape in SPANS.items():
        found = await until(
            lambda span=span: overview(running.op, span, "charted"),
            lambda found: found["outcomes"] == {"queued": 4, "not_genuine": 1} and found["statuses"] == {"applied": 4},
        )
        series = found["series"]
        assert {len(column) for column in series.values()} == {shape.moments}
        for name in ("requests_per_second", "success_per_second", "failure_per_second", "applied_per_second"):
            assert sum(series[name]) > 0
        for name in ("ack_ms", "applied_ms"):
            at = next(number for number, ms in enumerate(series[f"{name}_p50"]) if ms is not None)
            assert 0 < series[f"{name}_p50"][at] <= series[f"{name}_p95"][at] <= series[f"{name}_p99"][at]


async def test_how_things_stand_now_is_told_too(running: Running) -> None:
    found = await overview(running.op, "15m")
    assert set(found["queue"]["lanes"]) == {"live", "bulk"}
    assert [one["role"] for one in (*found["gateways"], *found["workers"])] == ["gateway", "worker"]


async def test_a_span_that_is_none_is_refused_with_those_there_are(running: Running) -> None:
    with pytest.raises(OperatorError, match="15m, 1h, 24h, 7d"):
        await overview(running.op, "5y")


async def test_the_last_hour_of_each_source_is_sixty_points(running: Running) -> None:
    now = time.time()
    await add_stats(running.op.redis, "hourly", {"requests:queued": 3, "requests:failed": 2}, now - 1800)
    await add_stats(running.op.redis, "hourly", {"requests:ignored": 1}, now)
    await add_stats(running.op.redis, "asleep", {"requests:queued": 9}, now - 7000)
    hours = await source_hours(running.op)
    assert len(hours["hourly"]["requests"]) == len(hours["hourly"]["failures"]) == 60
    assert (sum(hours["hourly"]["requests"]), sum(hours["hourly"]["failures"])) == (6, 2)
    assert sum(hours["hourly"]["requests"][-2:]) == 1, "a minute may end between the two"
    assert hours["asleep"]["requests"] == [0] * 60
    assert hours["asleep"]["last_request_at"] == pytest.approx(now - 7000, abs=0.01)
    assert "never" not in hours


async def test_the_whole_product_is_one_page_for_prometheus(running: Running) -> None:
    await running.add_source("totalled")
    for _ in range(3):
        await running.http.post("/in/totalled", content=BODY, headers=WORD)
    wanted = b'hookwright_requests_total{outcome="queued",source="totalled"} 3.0'
    page = await until(lambda: product_metrics(running.op), lambda page: wanted in page)
    assert b"hookwright_sandbox_children " in page
    assert b"hookwright_workers 1.0" in page
