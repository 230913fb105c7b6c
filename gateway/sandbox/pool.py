"""Pool: where scripts run.

Takes a Script and a request, gives an Outcome: one round trip to a child that holds this version of this
source's script and nothing else. Children are born on first use, kept while they are wanted, killed at
a limit; requests that were in flight beside a culprit run again elsewhere, up to three times. `run` never
raises for what a script does. Never keeps anything of a request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from gateway.errors import Problem, SandboxUnavailable, ScriptRefused
from gateway.metrics import Metrics
from gateway.sandbox import wire
from gateway.sandbox.alone import Alone
from gateway.sandbox.channel import Channel
from gateway.sandbox.children import Children
from gateway.sandbox.death import Death
from gateway.sandbox.descriptors import raise_descriptor_limit
from gateway.sandbox.health import DEATHS_TOLERATED, Health, Quarantine
from gateway.sandbox.limits import POOLED_BODY_BYTES_MAX, Limits, describe_excess
from gateway.sandbox.memory import Memory, peak_bytes
from gateway.sandbox.nursery import LoadDied, Nursery, load
from gateway.sandbox.outcome import Checked, Outcome
from gateway.sandbox.proof import SandboxReport
from gateway.sandbox.script import Script
from gateway.sandbox.watchdog import RESTING_LOOK_SECONDS, Watchdog

# A death has one culprit, and whoever stood behind it runs again, perhaps behind the next one. As many deaths as a
# source may die in a row before it is paused: with fewer runs two poisonous requests, of strangers even, would have
# the genuine ones behind them refused. Whoever stood beside more is sent away to come back, rather than run for ever.
_RUNS_MAX = DEATHS_TOLERATED + 1
_CHECKS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Figures for the metrics page."""

    children: int
    busy: int
    in_flight: int
    births: int
    deaths: int
    reruns: int
    restarts: int
    quarantined: int
    paused: int


class Pool:
    """Parent side: one fork server, children by (source, revision), requests pipelined."""

    def __init__(
        self,
        *,
        is_strict: bool = False,
        children_max: int = 256,
        wait_seconds: float | None = None,
        idle_seconds: float = 300,
        memory: Memory | None = None,
        is_fenced: bool = True,
        metrics: Metrics | None = None,
    ) -> None:
        """`wait_seconds`: for a turn, where a sender waits for the answer; None where there is time.

        `is_fenced=False` is for tests alone: scripts run as plain Python, to show that the wall holds by itself.
        """
        self._metrics = metrics or Metrics()
        self._health = Health()
        self._watchdog = Watchdog(wait_seconds)
        self._alone = Alone(wait_seconds)
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._nursery = Nursery(self._watchdog.watch, is_strict=is_strict, is_fenced=is_fenced)
        self._children = Children(
            self._nursery, memory or Memory(), self._mourn, children_max=children_max, idle_seconds=idle_seconds
        )
        self._sweep_seconds = min(max(idle_seconds / 4, 0.05), RESTING_LOOK_SECONDS)
        self._sweeper: asyncio.Task[None] | None = None
        self._on_escape: Callable[[], None] | None = None
        self._deaths_count = self._reruns_count = 0

    # the pool itself

    async def start(self) -> SandboxReport:
        """Start the fork server and prove the wall in a real child; give each layer as "on" or "off: why"."""
        raise_descriptor_limit()
        report = await self._nursery.start()
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        return report

    @property
    def report(self) -> SandboxReport:
        """Give what the newest fork server said of its layers; empty before `start`."""
        return dict(self._nursery.report)

    async def close(self) -> None:
        """End every child and the fork server."""
        self._watchdog.stop()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._children.close()
        await self._nursery.close()

    async def _sweep(self) -> None:
        """Send home who has long had nothing to do, and kill who makes itself something to do."""
        while True:
            await asyncio.sleep(self._sweep_seconds)
            self._watchdog.look_at_resting(self._children)
            self._children.replace(self._watchdog.is_worn)
            self._children.sweep()

    # sources

    @property
    def quarantined(self) -> dict[str, Quarantine]:
        """The sources that are shut because their script tried to break out."""
        return dict(self._health.quarantines)

    @property
    def caught(self) -> list[Quarantine]:
        """The attempts to break out of this very pool, in order."""
        return list(self._health.caught)

    def hear_of_escapes(self, hear: Callable[[], None]) -> None:
        """Call this after every attempt to break out."""
        self._on_escape = hear

    def shut(self, quarantine: Quarantine) -> None:
        """Run this publication no more: another pool has caught it."""
        self._health.hear(quarantine)

    def forget_deaths(self, source: str) -> None:
        """Let a source on backoff run again."""
        self._health.forget_deaths(source)

    def lift(self, source: str) -> None:
        """Let a source run again, whatever it did."""
        self._health.quarantines.pop(source, None)
        self._health.forget_deaths(source)

    async def warm(self, script: Script) -> None:
        """Have a child ready with the script loaded; ScriptRefused says what is wrong with it."""
        try:
            await self._children.find(script)
        except LoadDied as died:
            raise ScriptRefused([Problem(line=1, column=1, message=died.reason)]) from None

    def retire(self, source: str, keep_revision: str | None = None) -> None:
        """Send the children of other revisions home; each finishes what it has in flight."""
        self._children.retire(source, keep_revision)

    async def check(self, text: str, limits: Limits | None = None) -> Checked:
        """Compile a text and run its top level under these limits, in a child of its own."""
        limits = limits or Limits()
        if too_long := describe_excess(text, limits.source_bytes):  # a child is not even told
            return Checked((Problem(line=1, column=1, message=too_long),), False, "")
        script = Script(source="check", version_id="", revision="", text=text, limits=limits)
        async with self._checks:
            channel = await self._nursery.bear(script.limits, POOLED_BODY_BYTES_MAX, _ignore_death)
            try:
                known, _ = await load(channel, script)
            except LoadDied as died:
                return Checked((Problem(line=1, column=1, message=died.reason),), False, "")
            except ScriptRefused as refused:
                return Checked(refused.problems, False, "")
            finally:
                channel.close()
        return Checked((), bool(known.get("has_authenticate")), str(known.get("docstring", "")))

    # requests

    async def run(
        self,
        script: Script,
        head: bytes,
        body: bytes,
        *,
        event_id: str,
        start_at: Literal["authenticate", "transform"] = "authenticate",
        is_measured: bool = False,
    ) -> Outcome:
        """Run one request; SandboxUnavailable for backoff, quarantine, a long wait, or a fork server that is away.

        `is_measured`: in a new child that nobody has used before, so that its peak of memory is this request's.
        """
        self._health.require(script)
        operation = wire.AUTHENTICATE if start_at == "authenticate" else wire.TRANSFORM
        try:
            if is_measured or len(body) > POOLED_BODY_BYTES_MAX:
                return await self._run_alone(script, operation, event_id, head, body, is_measured=is_measured)
            return await self._run_pooled(script, operation, event_id, head, body)
        except ScriptRefused as refused:
            return Outcome(kind="failed", is_authenticated=False, stage="load", reason=refused.detail[:300])
        except LoadDied as died:
            return Outcome(kind="failed", is_authenticated=False, stage="load", reason=died.reason)

    async def _run_pooled(self, script: Script, operation: int, event_id: str, head: bytes, body: bytes) -> Outcome:
        asked_at = asyncio.get_running_loop().time()
        for _ in range(_RUNS_MAX):
            channel = self._children.find_idlest(script) or await self._children.find(script)
            outcome = await channel.run(operation, event_id, head, body, asked_at)
            if outcome is not None:
                self._learn(script, channel, outcome)
                return outcome
            self._reruns_count += 1
            self._health.require(script)
        raise SandboxUnavailable(f"{script.source} takes nothing just now", retry_after_seconds=1)

    async def _run_alone(
        self, script: Script, operation: int, event_id: str, head: bytes, body: bytes, *, is_measured: bool
    ) -> Outcome:
        """Run in a child for this request alone, with memory for its body."""
        async with self._alone.turn(script.source):
            for _ in range(_RUNS_MAX):
                channel = await self._children.bear_alone(script, len(body))
                try:
                    outcome = await channel.run(operation, event_id, head, body)
                    if is_measured and outcome is not None:
                        outcome = _measured(outcome, channel.pid, script.limits.memory_budget_bytes(len(body)))
                finally:
                    channel.close()
                if outcome is not None:
                    self._learn(script, channel, outcome)
                    return outcome
        raise SandboxUnavailable(f"{script.source} takes nothing just now", retry_after_seconds=1)

    def _learn(self, script: Script, channel: Channel, outcome: Outcome) -> None:
        whole, first = outcome.cpu_seconds, outcome.authenticate_cpu_seconds
        if outcome.is_authenticated:
            self._metrics.ran(script.source, "transform", whole - first)
        if first or not outcome.is_authenticated:
            self._metrics.ran(script.source, "authenticate", first or whole)
        if outcome.kind != "failed":
            if outcome.is_authenticated:
                self._health.note_success(script.source)
        elif _wanted_more_memory(outcome):
            # What it has left lies in pieces: the next large request would fail for no fault of its own.
            self._children.drop(script, channel)
            channel.retire()

    def _mourn(self, script: Script, death: Death) -> None:
        """Draw the consequences of a death for its source."""
        self._deaths_count += 1
        if death.is_escape:  # at whatever stage: a stranger who gets through the fence is no less of a danger
            self._health.quarantine(script, death.reason)
            if self._on_escape is not None:
                self._on_escape()
        elif death.is_counted:
            self._health.note_death(script.source, death.reason, is_at_rest=death.culprit is None)

    def stats(self) -> PoolStats:
        """Give the figures of this moment."""
        channels = list(self._children)
        return PoolStats(
            children=len(channels),
            busy=sum(bool(channel.flights) for channel in channels),
            in_flight=sum(len(channel.flights) for channel in channels),
            births=self._nursery.births_count,
            deaths=self._deaths_count,
            reruns=self._reruns_count,
            restarts=self._nursery.restarts_count,
            quarantined=len(self._health.quarantines),
            paused=self._health.paused_count(),
        )


def _measured(outcome: Outcome, pid: int, budget_bytes: int) -> Outcome:
    """Add the peak of the child that gave it; not where it asked for more: a peak leaves out what was refused."""
    if _wanted_more_memory(outcome):
        return outcome
    return replace(outcome, memory_peak_bytes=peak_bytes(pid, budget_bytes))


def _wanted_more_memory(outcome: Outcome) -> bool:
    return outcome.kind == "failed" and (outcome.reason or "").startswith("limit: memory")


def _ignore_death(_channel: Channel, _death: Death) -> None:
    """A text that is only checked belongs to no source."""
