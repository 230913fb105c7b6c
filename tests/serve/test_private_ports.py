"""The private side of gateway and worker: figures and readiness for those who run it, never on the public port."""

import asyncio
import socket
import time
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from running import PATIENCE_SECONDS, WORD, Running, prepare

from gateway.errors import BadSetting
from gateway.serve.gateway import open_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "private@example.com", "visits": 1})
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def read_page(running: Running, port: int) -> Samples:
    page = await running.http.get(f"http://127.0.0.1:{port}/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(page.text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def labels(**given: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(given.items()))


async def test_the_gateway_counts_requests_by_source_and_outcome(watched: Running) -> None:
    port = watched.settings.gateway_metrics_port
    before = await read_page(watched, port)
    await watched.http.post("/in/shop", content=BODY, headers=WORD)
    await watched.http.post("/in/shop", content=BODY)
    after = await read_page(watched, port)
    for outcome in ("queued", "not_genuine"):
        name = ("hookwright_requests_total", labels(source="shop", outcome=outcome))
        assert after[name] == before.get(name, 0) + 1
    for stage in ("authenticate", "transform"):
        assert after["hookwright_script_runs_total", labels(source="shop", stage=stage)] >= 1
    assert after["hookwright_ack_seconds_count", ()] == before["hookwright_ack_seconds_count", ()] + 2
    assert after["hookwright_sandbox_children", ()] >= 1
    assert after["hookwright_sandbox_births_total", ()] >= 1
    assert ("hookwright_queue_oldest_seconds", labels(lane="bulk")) in after


async def test_names_that_strangers_make_up_are_counted_under_no_name(watched: Running) -> None:
    for number in range(20):
        await watched.http.post(f"/in/guess-{number}", content=BODY)
    found = await read_page(watched, watched.settings.gateway_metrics_port)
    assert found["hookwright_requests_total", labels(source="-", outcome="not_found")] >= 20
    assert not [name for name in found if "guess" in repr(name)]


async def test_the_worker_counts_what_it_settles(watched: Running) -> None:
    port = watched.settings.worker_port
    before = await read_page(watched, port)
    posted = await watched.http.post("/in/shop", content=BODY, headers=WORD)
    await watched.event(posted.json()["id"])
    name = ("hookwright_events_settled_total", labels(source="shop", status="applied"))
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (after := await read_page(watched, port)).get(name, 0) == before.get(name, 0):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)
    assert after["hookwright_settle_seconds_count", ()] > before["hookwright_settle_seconds_count", ()]
    assert after["hookwright_batch_seconds_count", ()] > before["hookwright_batch_seconds_count", ()]
    assert after["hookwright_batch_events_sum", ()] > before["hookwright_batch_events_sum", ()]


async def test_both_say_in_full_what_they_stand_on(watched: Running) -> None:
    for port in (watched.settings.gateway_metrics_port, watched.settings.worker_port):
        alive = await watched.http.get(f"http://127.0.0.1:{port}/healthz")
        ready = await watched.http.get(f"http://127.0.0.1:{port}/readyz")
        assert (alive.status_code, ready.status_code) == (200, 200)
        assert set(ready.json()["checks"]) == {"redis", "database", "queue", "gateways", "workers"}


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
async def test_the_public_port_tells_strangers_nothing(watched: Running, path: str) -> None:
    answer = await watched.http.get(path)
    assert b"redis" not in answer.content
    assert b"hookwright_" not in answer.content


async def test_a_port_that_is_taken_is_said_by_the_name_of_its_setting(valkey_url: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = prepare(tmp_path, f"{valkey_url}?db=12", gateway_metrics_port=taken.getsockname()[1])
        with pytest.raises(BadSetting, match="HOOKWRIGHT_GATEWAY_METRICS_PORT"):
            async with open_gateway(settings):
                pass


async def test_without_a_port_nothing_listens(running: Running) -> None:
    assert running.settings.gateway_metrics_port == running.settings.worker_port == 0
    with pytest.raises(httpx.ConnectError):
        await running.http.get("http://127.0.0.1:1/metrics")
