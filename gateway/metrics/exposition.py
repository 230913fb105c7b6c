"""Exposition: counters as Prometheus reads them.

Takes counters by source and the gauges of the moment, gives the text of a `/metrics` page. Durations are not
told by source: 41 bounds times a thousand sources would be more than a Prometheus wants.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.metrics.histogram import COUNT_BOUNDS, SECONDS_BOUNDS
from gateway.metrics.tally import Series, join

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure of this moment; `is_total` where it only ever grows."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] | None = None
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class _Counter:
    """A family of the tally, told as a counter with a label for its source, or none."""

    family: str
    name: str
    meaning: str
    label: str
    is_by_source: bool = True
    unit: float = 1.0


_COUNTERS = (
    _Counter("requests", "requests", "Requests answered.", "outcome"),
    _Counter("applied", "events_settled", "Events that a worker settled, by what became of them.", "status"),
    _Counter("runs", "script_runs", "Runs of scripts, by stage.", "stage"),
    _Counter("script_us", "script_cpu_seconds", "CPU time that scripts took, by stage.", "stage", unit=1e-6),
    _Counter("refusals", "stranger_refusals", "Refusals that count against an address.", "outcome", False),
    _Counter("limited", "rate_limited", "Requests answered 429, by the limit that was met.", "limit"),
    _Counter("retries", "retries", "Work that a worker took again, by reason.", "reason", False),
    _Counter("dropped", "dropped", "Kept requests and alerts that found no room, by kind.", "kind", False),
)
_HISTOGRAMS = (
    ("ack", "ack_seconds", "From the first byte of a request to its answer.", SECONDS_BOUNDS, "us", 1e-6),
    ("lag", "settle_seconds", "From the receipt of an event to its commit.", SECONDS_BOUNDS, "us", 1e-6),
    ("write", "batch_seconds", "Transactions of the worker.", SECONDS_BOUNDS, "us", 1e-6),
    ("batch", "batch_events", "Events in one transaction of the worker.", COUNT_BOUNDS, "sum", 1.0),
)


def render(series: Series, gauges: Iterable[Gauge] = ()) -> bytes:
    """Write the page."""
    registry = CollectorRegistry()
    registry.register(_Page([*_counters(series), *_histograms(series), *_gauges(gauges)]))
    return generate_latest(registry)


class _Page(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _counters(series: Series) -> Iterator[Metric]:
    for one in _COUNTERS:
        labels = ["source", one.label] if one.is_by_source else [one.label]
        told = CounterMetricFamily(f"hookwright_{one.name}", one.meaning, labels=labels)
        for source, counters in sorted(series.items()):
            for name, count in sorted(counters.items()):
                family, _, label = name.partition(":")
                if family == one.family:
                    told.add_metric([source, label] if one.is_by_source else [label], count * one.unit)
        yield told


def _histograms(series: Series) -> Iterator[Metric]:
    total = join(series.values())
    for family, name, meaning, bounds, sum_label, unit in _HISTOGRAMS:
        seen, buckets = 0, []
        for bucket, bound in enumerate([*map(str, bounds), "+Inf"]):
            seen += total.get(f"{family}:{bucket}", 0)
            buckets.append((bound, float(seen)))
        told = HistogramMetricFamily(f"hookwright_{name}", meaning)
        told.add_metric([], buckets, total.get(f"{family}:{sum_label}", 0) * unit)
        yield told


def _gauges(gauges: Iterable[Gauge]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for gauge in gauges:
        labels = gauge.labels or {}
        kind = CounterMetricFamily if gauge.is_total else GaugeMetricFamily
        family = families.setdefault(gauge.name, kind(f"hookwright_{gauge.name}", gauge.meaning, labels=list(labels)))
        family.add_metric(list(labels.values()), gauge.value)
    yield from families.values()
