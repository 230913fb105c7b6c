"""Pool: where scripts run.

Takes a Script and a request, gives an Outcome: one round trip to a child that holds this version of this
source's script and nothing else. Children are born on first use, kept while they are wanted, killed at
a limit; requests that were in flight beside a culprit run again elsewhere. `run` never raises for what a
script does. Never keeps anything of a request.
"""

import asyncio
import os
from dataclasses import dataclass
from typing import Literal

from gateway.errors import Problem, SandboxUnavailable, ScriptRefused
from gateway.sandbox import wire
from gateway.sandbox.channel import Channel, Death
from gateway.sandbox.health import Health
from gateway.sandbox.limits import POOLED_BODY_BYTES_MAX
from gateway.sandbox.nursery import LoadDied, Nursery, OnDeath, load
from gateway.sandbox.outcome import Checked, Outcome
from gateway.sandbox.proof import SandboxReport
from gateway.sandbox.script import Script
from gateway.sandbox.stage import LOAD, TRANSFORM
from gateway.sandbox.watchdog import RESTING_LOOK_SECONDS, WORKS_UNASKED, Watchdog

Key = tuple[str, str]

# A death has one culprit; whoever stood beside several is sent away to come back, rather than run for ever.
_RUNS_MAX = 4
_LARGE_RUNS_AT_ONCE = 2
_CHECKS_AT_ONCE = 2
# That many requests waiting for one child are worth a second one, where there are cores to run it.
_CROWD = 32
_CHILDREN_PER_SCRIPT_MAX = max(1, min(4, (os.cpu_count() or 1) - 1))
_REFUSALS_MAX = 1_000


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
        self, *, is_strict: bool = False, children_max: int = 256, idle_seconds: float = 300, is_fenced: bool = True
    ) -> None:
        """`is_fenced=False` is for tests alone: scripts run as plain Python, to show that the wall holds by itself."""
        self._children_max = children_max
        self._idle_seconds = idle_seconds
        self._children: dict[Key, list[Channel]] = {}
        self._births: dict[Key, asyncio.Task[Channel]] = {}
        self._refusals: dict[Key, tuple[Problem, ...]] = {}
        self._health = Health()
        self._watchdog = Watchdog()
        self._large = asyncio.Semaphore(_LARGE_RUNS_AT_ONCE)
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._nursery = Nursery(self._watchdog.watch, is_strict=is_strict, is_fenced=is_fenced)
        self._sweeper: asyncio.Task[None] | None = None
        self._deaths_count = self._reruns_count = 0

    # the pool itself

    async def start(self) -> SandboxReport:
        """Start the fork server and prove the wall in a real child; give each layer as "on" or "off: why"."""
        report = await self._nursery.start()
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        return report

    async def close(self) -> None:
        """End every child and the fork server."""
        self._watchdog.stop()
        tasks = [task for task in (self._sweeper, *self._births.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in self._channels():
            channel.close()
        await self._nursery.close()

    # sources

    @property
    def quarantined(self) -> dict[str, str]:
        """The sources that tried to break out, and how."""
        return dict(self._health.quarantined)

    def lift(self, source: str) -> None:
        """Let a quarantined or paused source run again."""
        self._health.lift(source)

    async def warm(self, script: Script) -> None:
        """Have a child ready with the script loaded; ScriptRefused says what is wrong with it."""
        try:
            await self._find_child(script)
        except LoadDied as died:
            raise ScriptRefused([Problem(line=1, column=1, message=died.reason)]) from None

    def retire(self, source: str, keep_revision: str | None = None) -> None:
        """Send the children of other revisions home; each finishes what it has in flight."""
        for key in [key for key in self._children if key[0] == source and key[1] != keep_revision]:
            for channel in self._children.pop(key):
                channel.retire()
        for key in [key for key in self._refusals if key[0] == source and key[1] != keep_revision]:
            del self._refusals[key]

    async def check(self, text: str) -> Checked:
        """Compile a text and run its top level, in a child of its own."""
        script = Script(source="check", version_id="", revision="", text=text)
        async with self._checks:
            channel = await self._nursery.bear(script.limits, POOLED_BODY_BYTES_MAX, _ignore_death)
            try:
                known = await load(channel, script)
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
    ) -> Outcome:
        """Run one request; SandboxUnavailable for backoff, quarantine, or a fork server that is away."""
        self._health.require(script.source)
        operation = wire.AUTHENTICATE if start_at == "authenticate" else wire.TRANSFORM
        try:
            if len(body) > POOLED_BODY_BYTES_MAX:
                return await self._run_large(script, operation, event_id, head, body)
            return await self._run_pooled(script, operation, event_id, head, body)
        except ScriptRefused as refused:
            return Outcome(kind="failed", is_authenticated=False, stage="load", reason=refused.detail[:300])
        except LoadDied as died:
            return Outcome(kind="failed", is_authenticated=False, stage="load", reason=died.reason)

    async def _run_pooled(self, script: Script, operation: int, event_id: str, head: bytes, body: bytes) -> Outcome:
        for _ in range(_RUNS_MAX):
            channel = self._idlest_child(script) or await self._find_child(script)
            outcome = await channel.run(operation, event_id, head, body)
            if outcome is not None:
                self._learn(script, channel, outcome)
                return outcome
            self._reruns_count += 1
            self._health.require(script.source)
        raise SandboxUnavailable(f"the sandbox of {script.source} died under other requests", retry_after_seconds=1)

    async def _run_large(self, script: Script, operation: int, event_id: str, head: bytes, body: bytes) -> Outcome:
        """Run in a child for this request alone, with memory for its body."""
        async with self._large:
            for _ in range(_RUNS_MAX):
                channel = await self._nursery.bear_loaded(script, len(body), self._mourner(script))
                try:
                    outcome = await channel.run(operation, event_id, head, body)
                finally:
                    channel.close()
                if outcome is not None:
                    self._learn(script, channel, outcome)
                    return outcome
        raise SandboxUnavailable(f"the sandbox of {script.source} was killed from outside", retry_after_seconds=1)

    def _learn(self, script: Script, channel: Channel, outcome: Outcome) -> None:
        if outcome.kind != "failed":
            if outcome.is_authenticated:
                self._health.note_success(script.source)
        elif outcome.reason is not None and outcome.reason.startswith("limit: memory"):
            # What it has left lies in pieces: the next large request would fail for no fault of its own.
            self._drop((script.source, script.revision), channel)
            channel.retire()

    # children

    def _idlest_child(self, script: Script) -> Channel | None:
        key = (script.source, script.revision)
        channels = [channel for channel in self._children.get(key, ()) if channel.is_open]
        if not channels:
            return None
        channel = min(channels, key=_crowd_of)
        if len(channel.flights) >= _CROWD and len(channels) < _CHILDREN_PER_SCRIPT_MAX and key not in self._births:
            self._begin_birth(key, script)
        return channel

    async def _find_child(self, script: Script) -> Channel:
        """Give a loaded child, born now if need be; many who ask at once wait for one birth."""
        if (channel := self._idlest_child(script)) is not None:
            return channel
        key = (script.source, script.revision)
        if (problems := self._refusals.get(key)) is not None:
            raise ScriptRefused(problems)
        birth = self._births.get(key) or self._begin_birth(key, script)
        return await asyncio.shield(birth)

    def _begin_birth(self, key: Key, script: Script) -> asyncio.Task[Channel]:
        birth = asyncio.get_running_loop().create_task(self._bear_pooled_child(key, script))
        self._births[key] = birth
        birth.add_done_callback(lambda done: done.cancelled() or done.exception())  # waiters may all have left
        return birth

    async def _bear_pooled_child(self, key: Key, script: Script) -> Channel:
        try:
            self._make_room()
            channel = await self._nursery.bear_loaded(script, POOLED_BODY_BYTES_MAX, self._mourner(script))
            self._children.setdefault(key, []).append(channel)
            return channel
        except ScriptRefused as refused:
            if len(self._refusals) >= _REFUSALS_MAX:
                self._refusals.clear()
            self._refusals[key] = refused.problems
            raise
        finally:
            del self._births[key]

    def _mourner(self, script: Script) -> OnDeath:
        """Give what draws the consequences of a death for its source."""

        def mourn(channel: Channel, death: Death) -> None:
            self._deaths_count += 1
            self._drop((script.source, script.revision), channel)
            if death.is_escape:
                self._health.quarantine(script.source, death.reason)
            elif death.reason == WORKS_UNASKED or (death.culprit is not None and death.stage in (LOAD, TRANSFORM)):
                self._health.note_death(script.source)

        return mourn

    def _drop(self, key: Key, channel: Channel) -> None:
        channels = self._children.get(key, [])
        if channel in channels:
            channels.remove(channel)
        if not channels:
            self._children.pop(key, None)

    def _channels(self) -> list[Channel]:
        return [channel for channels in self._children.values() for channel in channels]

    def _make_room(self) -> None:
        channels = self._channels()
        if len(channels) + len(self._births) <= self._children_max:
            return
        idle = [channel for channel in channels if not channel.flights]
        if not idle:
            raise SandboxUnavailable(f"all {self._children_max} sandboxes are at work", retry_after_seconds=1)
        self._send_home(min(idle, key=lambda channel: channel.used_at))

    def _send_home(self, channel: Channel) -> None:
        for key in [key for key, channels in self._children.items() if channel in channels]:
            self._drop(key, channel)
        channel.retire()

    async def _sweep(self) -> None:
        """Send home who has long had nothing to do, and kill who makes itself something to do."""
        while True:
            await asyncio.sleep(min(max(self._idle_seconds / 4, 0.05), RESTING_LOOK_SECONDS))
            self._watchdog.look_at_resting(self._channels())
            oldest = asyncio.get_running_loop().time() - self._idle_seconds
            for channel in self._channels():
                if not channel.flights and channel.used_at < oldest:
                    self._send_home(channel)

    def stats(self) -> PoolStats:
        """Give the figures of this moment."""
        channels = self._channels()
        return PoolStats(
            children=len(channels),
            busy=sum(bool(channel.flights) for channel in channels),
            in_flight=sum(len(channel.flights) for channel in channels),
            births=self._nursery.births_count,
            deaths=self._deaths_count,
            reruns=self._reruns_count,
            restarts=self._nursery.restarts_count,
            quarantined=len(self._health.quarantined),
            paused=self._health.paused_count(),
        )


def _crowd_of(channel: Channel) -> int:
    return len(channel.flights)


def _ignore_death(_channel: Channel, _death: Death) -> None:
    """A text that is only checked belongs to no source."""
