"""Figures: one row a thing that was measured, over several rounds.

Takes what each round gave; gives the median, the spread, and ratios to other rows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


def percentile(values: Iterable[float], share: float) -> float:
    """Give the smallest value that at least this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(slots=True)
class Row:
    """One thing that was measured: so many a second, how long each took, what CPU and memory each cost the server."""

    name: str
    title: str
    rates: list[float] = field(default_factory=list)
    p50s_ms: list[float] = field(default_factory=list)
    p99s_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    note: str = ""  # of the last round: what belongs to the figure and is none itself

    @property
    def rate(self) -> float:
        return median(self.rates) if self.rates else 0.0

    @property
    def p50_ms(self) -> float | None:
        return _median(self.p50s_ms)

    @property
    def p99_ms(self) -> float | None:
        return _median(self.p99s_ms)

    @property
    def cpu_each_us(self) -> float | None:
        return _median(self.cpu_us)

    @property
    def mib_each(self) -> float | None:
        return _median(self.mib)

    @property
    def is_measured(self) -> bool:
        return bool(self.rates or self.p50s_ms or self.mib)

    def note_times(self, seconds: Sequence[float]) -> None:
        """Note how long each of a round took."""
        self.p50s_ms.append(percentile(seconds, 0.5) * 1000)
        self.p99s_ms.append(percentile(seconds, 0.99) * 1000)

    def ratio_to(self, other: "Row | None") -> float | None:
        return self.rate / other.rate if other is not None and other.rate and self.rates else None

    def document(self) -> dict[str, Any]:
        medians = {"rate": self.rate, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms, "cpu_each_us": self.cpu_each_us}
        return {**medians, "mib_each": self.mib_each, "rounds": asdict(self)}


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
