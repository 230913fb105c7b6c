"""Histogram: durations and sizes in buckets of fixed bounds, so that counts of all processes can be added.

Takes a figure, gives the number of its bucket; takes counted buckets, gives a percentile. One bound is √2
times the one before: a percentile is right to a fifth, from a millisecond to a quarter of an hour.
"""

from bisect import bisect_left
from collections.abc import Mapping

SECONDS_BOUNDS = tuple(round(0.001 * 2 ** (step / 2), 6) for step in range(41))
COUNT_BOUNDS = tuple(float(2**step) for step in range(11))


def bucket_of(bounds: tuple[float, ...], figure: float) -> int:
    """Number the bucket of a figure: of the first bound that is not below it; one past the last bound."""
    return bisect_left(bounds, figure)


def percentile(bounds: tuple[float, ...], buckets: Mapping[int, int], share: float) -> float | None:
    """Give the figure that this share (0 to 1) of all figures stays below; None where nothing was counted."""
    wanted = sum(buckets.values()) * share
    seen = 0
    for bucket, count in sorted(buckets.items()):
        if count and seen + count >= wanted:
            lower = bounds[bucket - 1] if bucket else 0.0
            upper = bounds[bucket] if bucket < len(bounds) else lower
            return lower + (upper - lower) * (wanted - seen) / count
        seen += count
    return None
