"""What is counted, and what of it was not told yet."""

import math

import pytest

from gateway.errors import NotGenuine, QueueUnavailable, TooMany
from gateway.metrics import NOBODY, Metrics, join
from gateway.metrics.histogram import SECONDS_BOUNDS, bucket_of, percentile
from gateway.metrics.tally import CPU_SECONDS_MAX, outcome_of


def test_an_answer_is_counted_by_outcome_and_by_the_time_it_took() -> None:
    metrics = Metrics()
    for seconds in (0.0001, 0.003, 0.003, 5000.0):
        metrics.answered("shop", "queued", seconds)
    assert metrics.series["shop"]["requests:queued"] == 4
    assert metrics.series["shop"]["ack:us"] == 5_000_006_100
    assert {name: count for name, count in metrics.series["shop"].items() if name.startswith("ack:")} == {
        "ack:0": 1,
        "ack:4": 2,
        f"ack:{len(SECONDS_BOUNDS)}": 1,
        "ack:us": 5_000_006_100,
    }


def test_only_what_was_added_is_told_again() -> None:
    metrics = Metrics()
    metrics.count("retries", "store_busy")
    metrics.settled("shop", "applied", 0.5)
    added = metrics.added()
    assert added == metrics.added(), "asking alone tells nobody"
    metrics.count("retries", "store_busy", by=2)
    metrics.mark_told("shop", added["shop"])
    assert metrics.added() == {NOBODY: {"retries:store_busy": 3}}
    metrics.mark_told(NOBODY, added[NOBODY])
    assert metrics.added() == {NOBODY: {"retries:store_busy": 2}}


def test_what_is_told_in_pieces_adds_up() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.count("retries", "store_busy", by=2)
        assert metrics.added() == {NOBODY: {"retries:store_busy": 2}}
        metrics.mark_told(NOBODY, {"retries:store_busy": 2})
    assert metrics.added() == {}


def test_counters_of_several_are_added_up_by_name() -> None:
    assert join([{"a": 1, "b": 2}, {}, {"b": 3}]) == {"a": 1, "b": 5}


@pytest.mark.parametrize("claimed", [-1.0, 1e308, math.inf, 0.002])
def test_what_a_child_claims_of_its_time_is_held_within_reason(claimed: float) -> None:
    metrics = Metrics()
    metrics.ran("shop", "transform", claimed)
    assert 0 <= metrics.series["shop"]["script_us:transform"] <= CPU_SECONDS_MAX * 1e6


def test_an_error_is_an_outcome_by_its_name() -> None:
    too_many = TooMany("x", limit="l", quota=1, window_seconds=60, retry_after_seconds=1)
    assert [outcome_of(error) for error in (NotGenuine("x"), QueueUnavailable("x"), too_many)] == [
        "not_genuine",
        "queue_unavailable",
        "too_many",
    ]


def test_a_percentile_is_right_to_a_fifth() -> None:
    figures = [0.001 * 1.01**step for step in range(1000)]
    buckets: dict[int, int] = {}
    for figure in figures:
        bucket = bucket_of(SECONDS_BOUNDS, figure)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    for share in (0.5, 0.95, 0.99):
        found, exact = percentile(SECONDS_BOUNDS, buckets, share), figures[int(share * len(figures))]
        assert found == pytest.approx(exact, rel=0.2)


def test_of_nothing_there_is_no_percentile_and_past_the_last_bound_it_is_that_bound() -> None:
    assert percentile(SECONDS_BOUNDS, {}, 0.5) is None
    assert percentile(SECONDS_BOUNDS, {3: 0}, 0.5) is None
    assert percentile(SECONDS_BOUNDS, {len(SECONDS_BOUNDS): 7}, 0.5) == SECONDS_BOUNDS[-1]
