"""One trace an event, from the first byte at the gateway to the commit in the worker: read from a real collector."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
import pytest_asyncio
from hearers import Hearer, hearing
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from running import PATIENCE_SECONDS, WORD, Running, prepare, run_all, run_valkey
from structlog.testing import capture_logs

from gateway.ids import mint_event_id
from gateway.operations.replay import replay_event
from gateway.tracing import ENDPOINTS, UNTRACED, open_tracing
from gateway.tracing.spans import ids_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODY = orjson.dumps({"email": "traced@example.com", "visits": 1})


class Collector:
    """What a collector was told, by name of service and span."""

    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._spans: list[tuple[str, Span]] = []

    async def spans_of(self, event_id: str, count: int) -> dict[str, tuple[str, Span]]:
        """Wait for so many spans of an event's trace; give each with its service."""
        trace_id = ids_of(event_id)[0].to_bytes(16)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := [one for one in self._spans if one[1].trace_id == trace_id]) < count:
                self._take((await self._hearer.heard.get())[1])
        return {span.name: (service, span) for service, span in found}

    def _take(self, body: bytes) -> None:
        for told in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [one.value.string_value for one in told.resource.attributes if one.key == "service.name"]
            self._spans += [(service, span) for scope in told.scope_spans for span in scope.spans]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced() -> AsyncIterator[tuple[Running, Collector]]:
    async with hearing("/v1/traces") as hearer:
        with (
            TemporaryDirectory(prefix="hw-") as folder,
            run_valkey(Path(folder)) as valkey_url,
            pytest.MonkeyPatch.context() as environment,
        ):
            environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", hearer.url.removesuffix("/v1/traces"))
            environment.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
            environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
            async with run_all(prepare(Path(folder), valkey_url)) as running:
                await running.add_source("traced")
                yield running, Collector(hearer)


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_a_webhook_is_one_trace_through_the_queue(traced: tuple[Running, Collector]) -> None:
    running, collector = traced
    event_id = (await running.http.post("/in/traced", content=BODY, headers=WORD)).json()["id"]
    found = await collector.spans_of(event_id, 5)
    assert {name: service for name, (service, _) in found.items()} == {
        **dict.fromkeys(("request", "receive", "judge", "enqueue"), "hookwright-gateway"),
        "apply": "hookwright-worker",
    }
    root = found["request"][1]
    assert (root.parent_span_id, root.span_id) == (b"", ids_of(event_id)[1].to_bytes(8))
    assert attributes(root) == {
        "hookwright.event_id": event_id,
        "hookwright.source": "traced",
        "hookwright.outcome": "queued",
        "http.response.status_code": 202,
    }
    for name in ("receive", "judge", "enqueue", "apply"):
        span = found[name][1]
        assert span.parent_span_id == root.span_id
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    assert found["receive"][1].end_time_unix_nano == found["judge"][1].start_time_unix_nano
    assert attributes(found["apply"][1])["hookwright.status"] == "applied"


async def test_a_strangers_trace_is_not_ours(traced: tuple[Running, Collector]) -> None:
    running, collector = traced
    theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    refused = await running.http.post("/in/traced", content=BODY, headers={"traceparent": theirs})
    found = await collector.spans_of(refused.headers["x-request-id"], 2)
    assert set(found) == {"request", "receive"}
    assert attributes(found["request"][1])["hookwright.outcome"] == "not_genuine"


async def test_a_replay_is_a_trace_of_its_own_that_points_at_the_first(traced: tuple[Running, Collector]) -> None:
    running, collector = traced
    event_id = (await running.http.post("/in/traced", content=BODY, headers=WORD)).json()["id"]
    await running.event(event_id)
    replay_id = await replay_event(running.op, event_id)
    (span,) = [span for _, span in (await collector.spans_of(replay_id, 1)).values()]
    assert span.name == "replay"
    assert [link.trace_id for link in span.links] == [ids_of(event_id)[0].to_bytes(16)]


async def test_an_action_posted_to_the_api_is_traced_too(traced: tuple[Running, Collector]) -> None:
    running, collector = traced
    action = {"identifiers": {"email": "a@b.c"}}
    event_id = (await running.http.post("/api/upsertContact", json=action, headers=running.admin)).json()["id"]
    found = await collector.spans_of(event_id, 2)
    assert found["apply"][1].parent_span_id == found["request"][1].span_id


async def test_an_id_that_is_no_ulid_has_a_trace_as_well() -> None:
    assert ids_of("evt_from-elsewhere") == ids_of("evt_from-elsewhere") != ids_of("evt_another")
    assert ids_of(mint_event_id())[1] != 0


async def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert open_tracing("gateway") is UNTRACED


async def test_a_collector_without_the_extra_is_said_and_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "gateway.tracing.spans", None)
    with capture_logs() as lines:
        assert open_tracing("gateway") is UNTRACED
    assert [line["event"] for line in lines] == ["tracing_off"]
