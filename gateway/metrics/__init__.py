"""Metrics: what happens, counted where it happens, and told in numbers.

    tally       counters of one process, in one flat shape: read this first
    histogram   durations and sizes in buckets of fixed bounds, and the percentiles in them
    exposition  counters of that shape as Prometheus reads them

The same shape goes to Redis and comes back from there, so that one process, all of them together and every
moment of the past are read alike. Names are bounded: of sources that exist, never of what a stranger asked for.
"""

from gateway.metrics.tally import NOBODY, Counters, Metrics, Series, join

__all__ = ["NOBODY", "Counters", "Metrics", "Series", "join"]
