"""Stats: how it goes and how it went, for the console's charts and for Prometheus.

Takes an operator and a span; gives JSON-ready columns, one figure a moment, as charts want them. A request
succeeds when it is taken: queued, ignored, answered, or kept as a sample; what is refused or parked fails.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from gateway.errors import OperatorError
from gateway.metrics import Counters, Series
from gateway.metrics.exposition import Gauge, render
from gateway.metrics.histogram import SECONDS_BOUNDS, percentile
from gateway.operations.operator import Operator
from gateway.queue.inspection import read_queue
from gateway.queue.processes import list_processes
from gateway.queue.stats import EVERYBODY, SPANS, Moment, read_last_requests, read_moments, read_totals

SUCCESSES = ("queued", "ignored", "answered", "sample")
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_HOUR_SECONDS = 3600

_POOL_FIGURES = {
    "children": ("sandbox_children", "Script processes.", False),
    "busy": ("sandbox_children_busy", "Script processes with a request in flight.", False),
    "in_flight": ("sandbox_requests_in_flight", "Requests in script processes.", False),
    "births": ("sandbox_births", "Script processes born.", True),
    "deaths": ("sandbox_deaths", "Script processes that died or were killed.", True),
    "restarts": ("sandbox_restarts", "Fork servers started again.", True),
    "quarantined": ("sources_quarantined", "Sources whose script tried to leave its sandbox.", False),
}


async def overview(op: Operator, span: str = "1h", source: str | None = None) -> dict[str, Any]:
    """Give columns over a span (15m, 1h, 24h, 7d), of one source or of all, and how things stand now.

    `series`: `at` (unix seconds), `requests_per_second`, `success_per_second`, `failure_per_second`,
    `applied_per_second`, and p50, p95, p99 of `ack_ms` and `applied_ms` (null where nothing was counted).
    `summary`: requests, failures, applied, and the same shares, of the whole span.
    """
    if span not in SPANS:
        raise OperatorError(f'there is no span "{span}": {", ".join(SPANS)}')
    chosen, now = SPANS[span], time.time()
    moments = await read_moments(op.redis, source or EVERYBODY, chosen, now)
    processes = await list_processes(op.redis)
    return {
        "span": span,
        "source": source,
        "moment_seconds": chosen.seconds,
        "series": _columns(moments, chosen.seconds, now),
        "summary": _summary(moments),
        "outcomes": _sum(moments, "requests"),
        "statuses": _sum(moments, "applied"),
        "queue": await read_queue(op.redis),
        "gateways": [one for one in processes if one["role"] == "gateway"],
        "workers": [one for one in processes if one["role"] == "worker"],
    }


async def source_hours(op: Operator) -> dict[str, dict[str, Any]]:
    """Give, by source, `last_request_at` (unix seconds), and `requests` and `failures` of each of the last 60 minutes.

    A source that never had a request is not in it.
    """
    now, hours = time.time(), {}
    for source, last_at in (await read_last_requests(op.redis)).items():
        is_active = now - last_at < _HOUR_SECONDS
        moments = await read_moments(op.redis, source, SPANS["1h"], now) if is_active else []
        requests = [_count(moment.counters, "requests") for moment in moments] or [0] * SPANS["1h"].moments
        successes = [_successes(moment.counters) for moment in moments] or requests
        failures = [all_ - good for all_, good in zip(requests, successes, strict=True)]
        hours[source] = {"last_request_at": last_at, "requests": requests, "failures": failures}
    return hours


async def product_metrics(op: Operator) -> bytes:
    """Give the page for Prometheus of all gateways and workers together, since ever."""
    processes = await list_processes(op.redis)
    pools = [one["pool"] for one in processes if "pool" in one]
    return await metrics_page(op, await read_totals(op.redis), lambda: pools)


async def metrics_page(op: Operator, series: Series, pools: Callable[[], Sequence[Mapping[str, int]]]) -> bytes:
    """Write counters, the figures of sandboxes, and the queue, if it can be asked."""
    gauges = [*_pool_gauges(pools())]
    with contextlib.suppress(RedisError, OSError):
        gauges += _queue_gauges(await read_queue(op.redis))
    return render(series, gauges)


def _columns(moments: Sequence[Moment], seconds: int, now: float) -> dict[str, list[Any]]:
    spent = [min(seconds, max(now - moment.at, 1.0)) for moment in moments]  # the last one is not over yet
    counted = [moment.counters for moment in moments]
    rates = {
        "requests_per_second": [_count(one, "requests") for one in counted],
        "success_per_second": [_successes(one) for one in counted],
        "failure_per_second": [_count(one, "requests") - _successes(one) for one in counted],
        "applied_per_second": [_count(one, "applied") for one in counted],
    }
    return {
        "at": [moment.at for moment in moments],
        **{
            name: [round(count / took, 6) for count, took in zip(counts, spent, strict=True)]
            for name, counts in rates.items()
        },
        **{f"ack_ms_{name}": [_ms(one, "ack", share) for one in counted] for name, share in _SHARES.items()},
        **{f"applied_ms_{name}": [_ms(one, "lag", share) for one in counted] for name, share in _SHARES.items()},
    }


def _summary(moments: Sequence[Moment]) -> dict[str, int | float | None]:
    every: dict[str, int] = {}
    for moment in moments:
        for name, count in moment.counters.items():
            every[name] = every.get(name, 0) + count
    return {
        "requests": _count(every, "requests"),
        "failures": _count(every, "requests") - _successes(every),
        "applied": _count(every, "applied"),
        **{f"ack_ms_{name}": _ms(every, "ack", share) for name, share in _SHARES.items()},
        **{f"applied_ms_{name}": _ms(every, "lag", share) for name, share in _SHARES.items()},
    }


def _count(counters: Counters, family: str) -> int:
    return sum(count for name, count in counters.items() if name.partition(":")[0] == family)


def _successes(counters: Counters) -> int:
    return sum(counters.get(f"requests:{outcome}", 0) for outcome in SUCCESSES)


def _sum(moments: Iterable[Moment], family: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for moment in moments:
        for name, count in moment.counters.items():
            own, _, label = name.partition(":")
            if own == family:
                sums[label] = sums.get(label, 0) + count
    return sums


def _ms(counters: Counters, family: str, share: float) -> float | None:
    prefix = f"{family}:"
    labels = {name.removeprefix(prefix): count for name, count in counters.items() if name.startswith(prefix)}
    seconds = percentile(
        SECONDS_BOUNDS, {int(label): count for label, count in labels.items() if label.isdecimal()}, share
    )
    return None if seconds is None else round(seconds * 1000, 2)


def _pool_gauges(pools: Sequence[Mapping[str, int]]) -> Iterable[Gauge]:
    for figure, (name, meaning, is_total) in _POOL_FIGURES.items():
        figures = [pool.get(figure, 0) for pool in pools]
        # What one process has caught, each knows.
        value = max(figures, default=0) if figure == "quarantined" else sum(figures)
        yield Gauge(name, meaning, value, is_total=is_total)


def _queue_gauges(queue: Mapping[str, Any]) -> Iterable[Gauge]:
    for lane, state in queue["lanes"].items():
        yield Gauge("queue_jobs", "Jobs that wait, by lane.", state["jobs"], {"lane": lane})
    for lane, state in queue["lanes"].items():
        yield Gauge("queue_oldest_seconds", "Age of the oldest job, by lane.", state["oldest_seconds"], {"lane": lane})
    yield Gauge("queue_pending_events", "Events answered and not applied yet.", queue["pending_events"])
    yield Gauge("workers", "Workers that are alive.", len(queue["workers"]))
