"""The page for Prometheus, read back by its own parser."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import NOBODY, Metrics
from gateway.metrics.exposition import Gauge, render
from gateway.metrics.histogram import SECONDS_BOUNDS


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(page.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_counters_carry_their_source_and_durations_do_not() -> None:
    metrics = Metrics()
    metrics.answered("shop", "queued", 0.003)
    metrics.answered("till", "not_genuine", 0.5)
    metrics.ran("shop", "transform", 0.002)
    found = samples(render(metrics.series))
    assert found["hookwright_requests_total", (("outcome", "queued"), ("source", "shop"))] == 1
    assert found["hookwright_requests_total", (("outcome", "not_genuine"), ("source", "till"))] == 1
    assert found["hookwright_script_cpu_seconds_total", (("source", "shop"), ("stage", "transform"))] == 0.002
    assert found["hookwright_ack_seconds_count", ()] == 2
    assert found["hookwright_ack_seconds_sum", ()] == 0.503
    assert found["hookwright_ack_seconds_bucket", (("le", "0.004"),)] == 1
    assert found["hookwright_ack_seconds_bucket", (("le", "+Inf"),)] == 2


def test_a_histogram_tells_all_its_bounds_in_order_also_when_nothing_was_counted() -> None:
    found = samples(render({}))
    bounds = [labels[0][1] for name, labels in found if name == "hookwright_batch_seconds_bucket"]
    assert bounds == [*map(str, SECONDS_BOUNDS), "+Inf"]
    assert found["hookwright_batch_seconds_count", ()] == 0


def test_gauges_of_one_name_are_one_family() -> None:
    gauges = [Gauge("queue_jobs", "Jobs.", count, {"lane": lane}) for lane, count in (("live", 3), ("bulk", 4))]
    page = render({NOBODY: {"retries:store_busy": 2}}, [*gauges, Gauge("births", "Births.", 5, is_total=True)])
    found = samples(page)
    assert found["hookwright_queue_jobs", (("lane", "bulk"),)] == 4
    assert found["hookwright_births_total", ()] == 5
    assert found["hookwright_retries_total", (("reason", "store_busy"),)] == 2
    assert page.count(b"# TYPE hookwright_queue_jobs gauge") == 1
