"""Overview: how it goes, at a glance, and what needs a person. Live: a stream tells the page when to look again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.errors import Unavailable
from gateway.operations.issues import list_issues
from gateway.operations.readiness import readiness
from gateway.operations.sources import list_missing_secrets, list_sources
from gateway.operations.stats import overview, product_metrics, source_hours

section = Section("overview", title="Overview", order=10, key="o")

SPANS = {"15m": "15 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days"}
TICK_SECONDS = 5.0
# A page holds its stream open; past that many the others ask every quarter of a minute instead.
STREAMS_MAX = 64
TICKS_MAX = 720  # an hour; the browser opens the next stream by itself
BUSIEST = 6

_streams = asyncio.BoundedSemaphore(STREAMS_MAX)


@section.get("/overview", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    span = visit.asked("span") if visit.asked("span") in SPANS else "1h"
    sources = [row["name"] for row in await list_sources(visit.op) if row["state"] != "removed"]
    mine = [name for name in sources if visit.sources is None or name in visit.sources]
    chosen = visit.asked("source") if visit.asked("source") in mine else None
    if chosen is None and visit.sources is not None:
        chosen = min(mine or visit.sources)  # the figures of everybody are not for who may see some
    shown = await overview(visit.op, span, chosen)
    return visit.show(
        "overview/index.html",
        span=span,
        spans=SPANS,
        chosen=chosen,
        mine=mine,
        shown=shown,
        charts=_charts(shown["series"]),
        ready=await readiness(visit.op),
        issues=(await list_issues(visit.op, sources=mine, states=("open",), limit=5))["issues"],
        missing={name: secrets for name, secrets in (await list_missing_secrets(visit.op)).items() if name in mine},
        busiest=_busiest(await source_hours(visit.op), mine),
    )


def _charts(series: dict[str, list[Any]]) -> dict[str, str]:
    """Write the three charts as the element wants them."""

    def chart(*lines: tuple[str, str, str]) -> str:
        drawn = [{"label": label, "tone": tone, "y": series[name]} for label, tone, name in lines]
        return orjson.dumps({"x": series["at"], "lines": drawn}).decode()

    return {
        "requests": chart(("taken /s", "good", "success_per_second"), ("failed /s", "bad", "failure_per_second")),
        "ack": chart(*((f"{share} ms", tone, f"ack_ms_{share}") for share, tone in _TONES)),
        "applied": chart(*((f"{share} ms", tone, f"applied_ms_{share}") for share, tone in _TONES)),
    }


_TONES = (("p50", "good"), ("p95", "warn"), ("p99", "bad"))


def _busiest(hours: dict[str, dict[str, Any]], mine: list[str]) -> list[dict[str, Any]]:
    rows = [
        {"name": name, "requests": sum(hour["requests"]), "failures": sum(hour["failures"])}
        for name, hour in hours.items()
        if name in mine and any(hour["requests"])
    ]
    return sorted(rows, key=lambda row: -row["requests"])[:BUSIEST]


@section.get("/overview/ticks", role=Role.VIEWER)
async def ticks(visit: Visit) -> Response:
    """Tell the page every few seconds that there is something to look at. Raises Unavailable past STREAMS_MAX."""
    if _streams.locked():
        raise Unavailable("many pages are open: this one asks less often", int(TICK_SECONDS))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_tick(), media_type="text/event-stream", headers=headers)


async def _tick() -> AsyncIterator[bytes]:
    async with _streams:
        for number in range(TICKS_MAX):
            if number:
                await asyncio.sleep(TICK_SECONDS)
            yield b"event: tick\ndata: look\n\n"


@section.get("/metrics", role=Role.VIEWER, is_of_all=True)
async def metrics(visit: Visit) -> Response:
    """Give the figures of the whole product as Prometheus reads them."""
    return Response(await product_metrics(visit.op), media_type="text/plain; version=0.0.4; charset=utf-8")
