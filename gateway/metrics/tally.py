"""Tally: the counters of one process, kept in one flat shape.

    source -> {"requests:queued": 7, "ack:12": 5, "ack:us": 31250, …}

Takes what the rooms tell as it happens; gives the counters, and what was added since it was last told.
`family:label` is a counter; a family of durations has a counter a bucket, and `us` for the sum in microseconds.
What belongs to no source is counted under NOBODY. It never asks, waits or writes: whoever reads does that.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gateway.errors import HookwrightError
from gateway.metrics.histogram import COUNT_BOUNDS, SECONDS_BOUNDS, bucket_of

Counters = Mapping[str, int]
Series = Mapping[str, Counters]

# No source can have this name: a slug begins and ends with a letter or a digit.
NOBODY = "-"

# Made once: an answer is counted thousands of times a second.
_ACK = tuple(f"ack:{bucket}" for bucket in range(len(SECONDS_BOUNDS) + 1))
# A child whose fence has fallen may claim anything; no run lasts that long.
CPU_SECONDS_MAX = 60.0
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Metrics:
    """Counts. The event loop and the writer's thread may both tell; each counter is told by one of them."""

    def __init__(self) -> None:
        self.series: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._told: dict[str, dict[str, int]] = {}

    def answered(self, source: str, outcome: str, seconds: float) -> None:
        """Count a request that was answered, and how long the sender waited."""
        counters = self.series[source]
        counters["requests:" + outcome] += 1
        counters[_ACK[bucket_of(SECONDS_BOUNDS, seconds)]] += 1
        counters["ack:us"] += int(seconds * 1e6)

    def settled(self, source: str, status: str, seconds: float | None = None) -> None:
        """Count an event that the worker has settled, and how long after its receipt."""
        self.count("applied", status, source)
        if seconds is not None:
            self.time("lag", seconds, source)

    def ran(self, source: str, stage: str, cpu_seconds: float) -> None:
        """Count one run of a script's stage, and the CPU time that its child says it took."""
        counters = self.series[source]
        counters["runs:" + stage] += 1
        counters["script_us:" + stage] += int(min(max(cpu_seconds, 0.0), CPU_SECONDS_MAX) * 1e6)

    def wrote(self, events: int, seconds: float) -> None:
        """Count one batch of the worker: how many events, and how long its transaction took."""
        self.count("batch", str(bucket_of(COUNT_BOUNDS, events)))
        self.count("batch", "sum", by=events)
        self.time("write", seconds)

    def count(self, family: str, label: str, source: str = NOBODY, by: int = 1) -> None:
        self.series[source][f"{family}:{label}"] += by

    def time(self, family: str, seconds: float, source: str = NOBODY) -> None:
        counters = self.series[source]
        counters[f"{family}:{bucket_of(SECONDS_BOUNDS, seconds)}"] += 1
        counters[f"{family}:us"] += int(seconds * 1e6)

    def added(self) -> dict[str, dict[str, int]]:
        """Give what was added since the last `mark_told`: only counters that moved."""
        deltas = {}
        for source, counters in list(self.series.items()):
            told = self._told.get(source, {})
            moved = {name: count - told.get(name, 0) for name, count in dict(counters).items()}
            if moved := {name: count for name, count in moved.items() if count}:
                deltas[source] = moved
        return deltas

    def mark_told(self, source: str, counters: Counters) -> None:
        """Remember that this was told: it is not given again."""
        told = self._told.setdefault(source, {})
        for name, count in counters.items():
            told[name] = told.get(name, 0) + count


def join(many: Iterable[Counters]) -> dict[str, int]:
    """Add counters up by name."""
    total: dict[str, int] = defaultdict(int)
    for counters in many:
        for name, count in counters.items():
            total[name] += count
    return dict(total)


_words: dict[type[HookwrightError], str] = {}


def outcome_of(error: HookwrightError) -> str:
    """Name an error as an outcome: `not_genuine`, `queue_unavailable`."""
    kind = type(error)
    if kind not in _words:
        _words[kind] = _WORD.sub("_", kind.__name__).lower()
    return _words[kind]
