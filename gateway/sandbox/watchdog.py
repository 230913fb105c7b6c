"""Watchdog: holds running requests to their limits, from outside.

Takes channels that have work, looks at all of them every few milliseconds: time since the request began,
CPU of the child since its stage began (both known from the stage page), and how long the child has been
silent whatever the page says; and once a second at what any child uses while it is asked nothing. Past a
limit: kill. Whoever has not begun after a long wait is sent away, where senders wait for an answer. Who
burns for long is held back first: its neighbours go before it on a core that they share. Never waits for
a script to cooperate.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from gateway.sandbox.channel import Channel
from gateway.sandbox.death import WORKS_UNASKED, Flight
from gateway.sandbox.limits import CHILD_WORN_CPU_SECONDS, MIB
from gateway.sandbox.stage import IDLE, LOAD, STAGE_NAMES, TRANSFORM, split_word

_TICK_SECONDS = 0.01
# An honest child is silent for as long as one request lasts, and a moment more.
_SILENCE_SLACK_SECONDS = 1.0
# On a busy machine a second of CPU takes more than a second; loading counts CPU and is given this much time for it.
_LOAD_WALL_FACTOR = 4

# An honest child that was asked nothing waits for its socket: it uses no CPU but what a moment after each answer takes.
RESTING_LOOK_SECONDS = 1.0
_UNASKED_CPU_SECONDS = 0.02
_UNASKED_CPU_SECONDS_PER_ANSWER = 0.002
# Between two requests it writes an answer and reads a body: a millisecond for a MiB.
_IDLE_CPU_SECONDS_PER_MIB = 0.02

# Ordinary requests take a fraction of a millisecond. Not nicer than 5: at 10 a busy machine leaves so little that an
# honest request runs into its wall clock.
_BURNS_CPU_SECONDS = 0.01
_NICE_OF_BURNERS = 5

_HAS_CPU_CLOCKS = sys.platform.startswith("linux")
_CPUCLOCK_SCHED = 2


@dataclass(slots=True)
class _Watch:
    """What was seen of a channel at the last look."""

    word: int
    began_at: float
    stage_began_cpu_seconds: float = 0.0
    is_held_back: bool = False


@dataclass(frozen=True, slots=True)
class _Account:
    """What a child has used in its life, and for how long and how often it was asked to."""

    cpu_seconds: float
    asked_seconds: float
    asked_count: int

    def is_overdrawn(self, before: "_Account") -> bool:
        """Say whether more was used since then than there was time for while it was asked."""
        answers = self.asked_count - before.asked_count + 1
        unasked = self.cpu_seconds - before.cpu_seconds - (self.asked_seconds - before.asked_seconds)
        return unasked > _UNASKED_CPU_SECONDS + answers * _UNASKED_CPU_SECONDS_PER_ANSWER


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is seen of it now. `flight` is the request at work, None where none is, or while loading."""

    stage: int
    flight: Flight | None
    cpu_seconds: float
    wall_seconds: float
    silent_seconds: float


class Watchdog:
    """One timer for all channels; it sleeps while none has work."""

    def __init__(self, wait_seconds: float | None = None) -> None:
        """`wait_seconds`: how long a request waits behind others of its source; None: for ever."""
        self._wait_seconds = wait_seconds
        self._watches: dict[Channel, _Watch] = {}
        self._accounts: dict[Channel, _Account] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, channel: Channel) -> None:
        """Look after a channel that has just been given work."""
        if channel not in self._watches:
            # The word of the request before is not a moment of this one: what differs from it has begun.
            self._watches[channel] = _Watch(-1, channel.heard_at)
        if self._timer is None:
            self._arm()

    def look_at_resting(self, channels: Iterable[Channel]) -> None:
        """Kill a child that has worked since the last look while it was asked nothing: between requests, too."""
        accounts = {channel: _account(channel) for channel in channels}
        for channel, account in accounts.items():
            if account.is_overdrawn(self._accounts.get(channel, account)):
                channel.kill(WORKS_UNASKED)
        self._accounts = accounts

    @staticmethod
    def is_worn(channel: Channel) -> bool:
        """Say whether a child has used so much of the CPU of its life that another one should follow it."""
        return _cpu_seconds(channel.pid) > CHILD_WORN_CPU_SECONDS

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
            _hold_back(channel, self._watches.pop(channel), is_burning=False)
        for channel, watch in self._watches.items():
            sight = _see(channel, watch, now)
            if (reason := _passed_limit(channel, sight)) is not None:
                channel.kill(reason, asks_where=sight.flight is not None)
            elif self._wait_seconds is not None:
                channel.send_away(self._wait_seconds)
            _hold_back(channel, watch, is_burning=_is_burning(channel, sight))
        self._timer = None
        if self._watches:
            self._arm()


def _account(channel: Channel) -> _Account:
    return _Account(_cpu_seconds(channel.pid), channel.asked_seconds(), channel.asked_count)


def _see(channel: Channel, watch: _Watch, now: float) -> _Sight:
    word = channel.page.word()
    sequence, stage = split_word(word)
    cpu_seconds = _cpu_seconds(channel.pid)
    if word != watch.word:
        if word >> 8 != watch.word >> 8 or watch.word < 0:
            watch.began_at = now
        watch.word = word
        watch.stage_began_cpu_seconds = cpu_seconds
    flight = channel.flight_at(sequence) if stage not in (IDLE, LOAD) else None
    stage_cpu_seconds = cpu_seconds - watch.stage_began_cpu_seconds
    return _Sight(stage, flight, stage_cpu_seconds, now - watch.began_at, now - channel.heard_at)


def _passed_limit(channel: Channel, sight: _Sight) -> str | None:
    """Name the limit that is passed, in the words that people read on the event."""
    limits = channel.limits
    if sight.stage == LOAD:
        is_long = sight.silent_seconds > _LOAD_WALL_FACTOR * limits.load_seconds
        return f"limit: load {limits.load_seconds} s" if is_long or sight.cpu_seconds > limits.load_seconds else None
    if sight.stage == IDLE and sight.cpu_seconds > _allowed_idle_cpu_seconds(channel):
        return WORKS_UNASKED
    if sight.flight is not None:
        if sight.wall_seconds > limits.wall_seconds:
            return f"limit: wall_clock {limits.wall_seconds} s"
        if sight.cpu_seconds > (allowed := _allowed_cpu_seconds(channel, sight.stage, sight.flight)):
            return f"limit: cpu {allowed:.3g} s ({STAGE_NAMES[sight.stage]})"
    if sight.silent_seconds > limits.wall_seconds + _SILENCE_SLACK_SECONDS:
        return "limit: the sandbox does not answer"
    return None


def _allowed_cpu_seconds(channel: Channel, stage: int, flight: Flight) -> float:
    limits = channel.limits
    own = limits.transform_cpu_seconds if stage == TRANSFORM else limits.authenticate_cpu_seconds
    return own + limits.extra_cpu_seconds(flight.body_bytes)


def _allowed_idle_cpu_seconds(channel: Channel) -> float:
    """Say what the answer before and the request behind it may cost while nobody's stage has begun."""
    carried_bytes = channel.limits.result_bytes + channel.flights[0].body_bytes
    return _UNASKED_CPU_SECONDS + _IDLE_CPU_SECONDS_PER_MIB * carried_bytes / MIB


def _is_burning(channel: Channel, sight: _Sight) -> bool:
    """Say whether its neighbours should go first: only in the first quarter of its time, so that it ends in time."""
    is_early = sight.wall_seconds < channel.limits.wall_seconds / 4
    return sight.flight is not None and is_early and sight.cpu_seconds > _BURNS_CPU_SECONDS


def _hold_back(channel: Channel, watch: _Watch, *, is_burning: bool) -> None:
    """Let a child go behind the others on a core that they share, or beside them again."""
    if is_burning == watch.is_held_back:
        return
    watch.is_held_back = is_burning
    # It may be dead; and only root may give back what was taken: else the child stays behind, with its own source.
    with suppress(OSError):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, channel.pid, own + _NICE_OF_BURNERS if is_burning else own)


def _cpu_seconds(pid: int) -> float:
    """Read another process's CPU clock (clock_getcpuclockid); without such clocks, wall time alone counts."""
    if not _HAS_CPU_CLOCKS:
        return 0.0
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it is dead: its socket will say so
