"""Places: where in the live lane the jobs of a source stand, so that the flood of one delays no other.

Takes what each source sends, gives a place (arq takes the lowest first). Each source has a clock of its own, which
runs ahead by what it sends and never falls behind the time: a source stands where its clock is, so who sends
little stands before all that a flood has piled up. What one source sends stays in order. Never asks Redis: several
gateways each reckon for themselves.
"""

import time

# Fifty times what a worker takes for it, and more: whoever sends for a fiftieth of the worker's time runs ahead.
MS_PER_WEIGHT = 1
# Places lie as far in the past, because arq takes no job whose place is still to come. That far a clock may run
# ahead; beyond it a source stands in the order of time, behind all others.
AHEAD_MS_MAX = 3_600_000
_STEP_BITS_MIN = 10


class Places:
    def __init__(self) -> None:
        # A source's clock and its last place, in milliseconds since 1970.
        self._clocks: dict[str, tuple[int, int]] = {}

    def take(self, source: str, weight: int) -> int:
        """Give the place of the next job of a source, and move its clock by what is in it."""
        now = time.time_ns() // 1_000_000
        clock, last = self._clocks.get(source, (0, 0))
        clock = min(max(clock, now), now + AHEAD_MS_MAX)
        place = min(max(_rounded(clock, clock - now), last), now + AHEAD_MS_MAX)
        self._clocks[source] = clock + weight * MS_PER_WEIGHT, place
        return place - AHEAD_MS_MAX


def _rounded(clock: int, ahead: int) -> int:
    """Round down to a second, and coarser further ahead: sources at the same place share a job."""
    step = 1 << max(_STEP_BITS_MIN, ahead.bit_length() - 1)
    return clock // step * step
