"""Nursery: where children come from.

Takes limits (and a script), gives a channel to a new, locked-down (and loaded) child. Owns the fork
server: starts it, proves the wall, and replaces it when it dies. Sees all that it bore to their burial; who is
asked again is the pool's to say.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from gateway.errors import Problem, SandboxUnavailable, ScriptRefused
from gateway.sandbox import wire
from gateway.sandbox.channel import Channel
from gateway.sandbox.codes import Codes
from gateway.sandbox.death import Death
from gateway.sandbox.forkserver import ForkServer
from gateway.sandbox.limits import POOLED_BODY_BYTES_MAX, Limits
from gateway.sandbox.proof import SandboxReport, prove_wall, require_wall
from gateway.sandbox.script import Script

OnDeath = Callable[[Channel, Death], None]

_SERVER_WAIT_SECONDS = 5
# A fork and a lock-down take 3 ms of a core: more at once would only make each wait, and some too long.
_BIRTHS_AT_ONCE = 8
_RESTART_SECONDS_MIN, _RESTART_SECONDS_MAX = 0.05, 5.0


class LoadDied(Exception):
    """A child died of loading its script."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Nursery:
    """One fork server at a time, and the births it gives."""

    def __init__(self, on_work: Callable[[Channel], None], *, is_strict: bool, is_fenced: bool) -> None:
        self.report: SandboxReport = {}
        self.births_count = 0
        self.restarts_count = 0
        self._on_work = on_work
        self._is_strict = is_strict
        self._is_fenced = is_fenced
        self._server: ForkServer | None = None
        self._is_ready = asyncio.Event()
        self._restart: asyncio.Task[None] | None = None
        self._is_closed = False
        self._turns = asyncio.Semaphore(_BIRTHS_AT_ONCE)
        self._unburied: set[Channel] = set()
        self._codes = Codes()

    async def start(self) -> SandboxReport:
        """Start a fork server and prove the wall in real children of it."""
        server = ForkServer(self._replace_server, is_fenced=self._is_fenced)
        report = {"fence": "on" if self._is_fenced else "off: switched off for a test"}
        try:
            report |= await server.start()
            report |= await prove_wall(lambda limits, size: self._bear_of(server, limits, size, _nobody_mourns))
            if self._is_strict:
                require_wall(report)
        except BaseException:
            await server.stop()
            raise
        self._server, self.report = server, report
        self._is_ready.set()
        return report

    async def close(self) -> None:
        """End every child and the fork server; nothing of them is held after it."""
        self._is_closed = True
        for channel in self._unburied:
            channel.close()
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()
        await asyncio.gather(*(channel.buried for channel in self._unburied))

    def _replace_server(self) -> None:
        """Begin to replace a server that ended, or that does not answer."""
        is_under_way = self._restart is not None and not self._restart.done()
        if not self._is_closed and not is_under_way and self._is_ready.is_set():
            self._is_ready.clear()
            self._restart = asyncio.get_running_loop().create_task(self._start_again())

    async def _start_again(self) -> None:
        old, self._server = self._server, None
        if old is not None:
            await old.stop()
        pause = _RESTART_SECONDS_MIN
        while not self._is_ready.is_set():
            self.restarts_count += 1
            with suppress(SandboxUnavailable, OSError):
                await self.start()
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RESTART_SECONDS_MAX)

    async def bear(self, limits: Limits, body_bytes: int, on_death: OnDeath) -> Channel:
        """Have a locked-down child that was told nothing yet; a server that dies meanwhile is waited for, once."""
        async with self._turns:
            try:
                return await self._bear_of(await self._find_server(), limits, body_bytes, on_death)
            except SandboxUnavailable:
                if self._is_ready.is_set():
                    raise
            return await self._bear_of(await self._find_server(), limits, body_bytes, on_death)

    async def _find_server(self) -> ForkServer:
        try:
            async with asyncio.timeout(_SERVER_WAIT_SECONDS):
                while True:
                    await self._is_ready.wait()
                    if self._server is not None:  # else it has died again before this was told
                        return self._server
        except TimeoutError:
            raise SandboxUnavailable("the fork server is away") from None

    async def _bear_of(self, server: ForkServer, limits: Limits, body_bytes: int, on_death: OnDeath) -> Channel:
        try:
            newborn = await server.bear(limits.memory_budget_bytes(body_bytes))
        except SandboxUnavailable:
            self._replace_server()
            raise
        self.births_count += 1
        channel = Channel(newborn, server, limits, on_death, self._on_work)
        self._unburied.add(channel)
        channel.buried.add_done_callback(lambda _: self._unburied.discard(channel))
        try:
            await channel.open(newborn.socket)
            return channel
        except wire.ProtocolBroken as broken:
            raise SandboxUnavailable(str(broken)) from None

    async def bear_loaded(self, script: Script, body_bytes: int, on_death: OnDeath) -> Channel:
        """Have a child with the script loaded; ScriptRefused or LoadDied where that fails."""
        if (code := self._codes.find(script)) is None:
            code = await self._compile(script, on_death)
            self._codes.keep(script, code)
        channel = await self.bear(script.limits, body_bytes, on_death)
        try:
            await load(channel, script, code)
        except BaseException:
            channel.close()
            raise
        return channel

    async def _compile(self, script: Script, on_death: OnDeath) -> bytes:
        """Load a script into a child for that alone; give its code."""
        channel = await self.bear(script.limits, POOLED_BODY_BYTES_MAX, on_death)
        try:
            _, code = await load(channel, script)
        finally:
            channel.close()
        return code


def _nobody_mourns(_channel: Channel, _death: Death) -> None:
    """A child of the self-test dies as it should."""


async def load(channel: Channel, script: Script, code: bytes = b"") -> tuple[dict[str, Any], bytes]:
    """Load a script into a new child; give what the child says of it, and the code that it made of it."""
    try:
        loading = channel.load(script, code)
    except orjson.JSONEncodeError as error:
        message = f"the script cannot be written as text: {error}"
        raise ScriptRefused([Problem(line=1, column=1, message=message)]) from None
    answer = await loading
    if answer is None:
        if channel.end_reason is None:
            raise SandboxUnavailable("the sandbox was ended from outside", retry_after_seconds=1)
        raise LoadDied(channel.end_reason)
    match answer[0].get("problems"):
        case []:
            return answer
        case [*problems]:
            raise ScriptRefused([_read_problem(problem) for problem in problems])
    raise LoadDied("the sandbox gave no answer about the script")


def _read_problem(problem: Any) -> Problem:
    match problem:
        case [int(line), int(column), str(message)]:
            return Problem(line=line, column=column, message=message)
    raise LoadDied("the sandbox gave a strange answer about the script")
