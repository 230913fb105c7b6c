"""Watchdog: holds running requests to their limits, from outside.

Takes channels that have work, looks at all of them every few milliseconds: time since the request began,
CPU of the child since its stage began (both known from the stage page), and how long the child has been
silent whatever the page says. Past a limit: kill. Never waits for a script to cooperate.
"""

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.sandbox.channel import Channel, Flight
from gateway.sandbox.stage import IDLE, LOAD, STAGE_NAMES, TRANSFORM, split_word

_TICK_SECONDS = 0.01
# An honest child is silent for as long as one request lasts, and a moment more.
_SILENCE_SLACK_SECONDS = 1.0
# On a busy machine a second of CPU takes more than a second; loading counts CPU and is given this much time for it.
_LOAD_WALL_FACTOR = 4

# An honest child that was asked nothing waits for its socket: it uses no CPU at all.
RESTING_LOOK_SECONDS = 1.0
_RESTING_CPU_SECONDS = 0.02
WORKS_UNASKED = "the sandbox works although it was asked nothing"

_HAS_CPU_CLOCKS = sys.platform.startswith("linux")
_CPUCLOCK_SCHED = 2


@dataclass(slots=True)
class _Watch:
    """What was seen of a channel at the last look."""

    word: int
    began_at: float
    stage_cpu_seconds: float


class Watchdog:
    """One timer for all channels; it sleeps while none has work."""

    def __init__(self) -> None:
        self._watches: dict[Channel, _Watch] = {}
        self._resting: dict[Channel, tuple[float, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, channel: Channel) -> None:
        """Look after a channel that has just been given work."""
        if channel not in self._watches:
            # The word of the request before is not a moment of this one: what differs from it has begun.
            self._watches[channel] = _Watch(-1, channel.heard_at, 0.0)
        if self._timer is None:
            self._arm()

    def look_at_resting(self, channels: Iterable[Channel]) -> None:
        """Kill a child that has worked since the last look although it was asked nothing between the two."""
        resting = {channel: (channel.used_at, _cpu_seconds(channel.pid)) for channel in channels if not channel.flights}
        for channel, (used_at, cpu_seconds) in resting.items():
            used_before, cpu_before = self._resting.get(channel, (None, cpu_seconds))
            if used_before == used_at and cpu_seconds - cpu_before > _RESTING_CPU_SECONDS:
                channel.kill(WORKS_UNASKED)
        self._resting = resting

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watches.clear()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for channel in [channel for channel in self._watches if not channel.flights]:
            del self._watches[channel]
        for channel, watch in self._watches.items():
            reason = next(_passed_limits(channel, watch, now), None)
            if reason is not None:
                channel.kill(reason)
        self._timer = None
        if self._watches:
            self._arm()


def _passed_limits(channel: Channel, watch: _Watch, now: float) -> Iterator[str]:
    limits = channel.limits
    word = channel.page.word()
    sequence, stage = split_word(word)
    flight = channel.flight_at(sequence) if stage != IDLE else None
    if word != watch.word:
        if word >> 8 != watch.word >> 8 or watch.word < 0:
            watch.began_at = now
        watch.word = word
        watch.stage_cpu_seconds = _cpu_seconds(channel.pid)
    cpu_seconds = _cpu_seconds(channel.pid) - watch.stage_cpu_seconds
    silent_seconds = now - channel.heard_at
    if stage == LOAD:
        if cpu_seconds > limits.load_seconds or silent_seconds > _LOAD_WALL_FACTOR * limits.load_seconds:
            yield f"limit: load {limits.load_seconds} s"
        return
    if flight is not None:
        if now - watch.began_at > limits.wall_seconds:
            yield f"limit: wall_clock {limits.wall_seconds} s"
        if cpu_seconds > (allowed := _allowed_cpu_seconds(channel, stage, flight)):
            yield f"limit: cpu {allowed:.3g} s ({STAGE_NAMES[stage]})"
    if silent_seconds > limits.wall_seconds + _SILENCE_SLACK_SECONDS:
        yield "limit: the sandbox does not answer"


def _allowed_cpu_seconds(channel: Channel, stage: int, flight: Flight) -> float:
    limits = channel.limits
    own = limits.transform_cpu_seconds if stage == TRANSFORM else limits.authenticate_cpu_seconds
    return own + limits.extra_cpu_seconds(flight.body_bytes)


def _cpu_seconds(pid: int) -> float:
    """Read another process's CPU clock (clock_getcpuclockid); without such clocks, wall time alone counts."""
    if not _HAS_CPU_CLOCKS:
        return 0.0
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it is dead: its socket will say so
