"""Channel: one child, seen from the gateway.

Takes requests, pipelines them to the child, gives a future each: an Outcome, or None for "run it again
elsewhere". Knows at its child's death, from the stage page, whose request it was. Kills at the first
frame that was not asked for. Never decides about limits (watchdog) or sources (pool).
"""

import asyncio
import math
import os
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

from gateway.errors import SandboxUnavailable
from gateway.sandbox import wire
from gateway.sandbox.death import WORKS_UNASKED, Death, Flight, reason_of
from gateway.sandbox.forkserver import UNKNOWN_ENDING, Ending, ForkServer, Newborn
from gateway.sandbox.lastwords import WORDS_BYTES_MAX, is_all_said, read_log, read_trace
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.script import Script
from gateway.sandbox.stage import ASK_WHERE, AUTHENTICATE, IDLE, LOAD, STAGE_NAMES, TRANSFORM, StagePage, split_word

_LOCK_DOWN_SECONDS = 5
# As a rule a child says where it is in a millisecond, and is killed then; on a busy machine it waits for its turn.
_LAST_WORDS_SECONDS = 0.1

_RUNS = (wire.AUTHENTICATE, wire.TRANSFORM)


def _random_numbers() -> Iterator[int]:
    while True:
        for (number,) in struct.iter_unpack("<Q", os.urandom(4096)):
            yield number


_new_request_id = _random_numbers().__next__


class Channel(asyncio.Protocol):
    """The gateway's end of one child's socket."""

    def __init__(
        self,
        newborn: Newborn,
        server: ForkServer,
        limits: Limits,
        on_death: Callable[["Channel", Death], None],
        on_work: Callable[["Channel"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = newborn.pid
        self.page: StagePage = newborn.page
        self.limits = limits
        self._memory_budget_bytes = newborn.memory_budget_bytes
        self.layers: asyncio.Future[dict[str, str]] = loop.create_future()
        self.layers.add_done_callback(lambda layers: layers.cancelled() or layers.exception())  # nobody may be waiting
        self.buried: asyncio.Future[None] = loop.create_future()  # nothing of it is held any more
        self.flights: deque[Flight] = deque()
        self.is_open = True
        self.used_at = self.heard_at = self._asked_at = loop.time()
        self.asked_count = 0  # how often it was asked something while it had nothing to do
        self._asked_seconds = 0.0
        self._loop = loop
        self._server = server
        self._on_death = on_death
        self._on_work = on_work
        self._reader = wire.FrameReader(wire.result_length_max(limits.result_bytes, limits.log_bytes))
        self._sequence = 0
        self._outbox: list[bytes] = []
        self._kill_reason: str | None = None
        self._transport: asyncio.Transport | None = None
        self._burial: asyncio.Task[None] | None = None
        self._script: Script | None = None
        self._words = bytearray()
        self._last_seen: tuple[int, bytes, bool] | None = None
        self.end_reason: str | None = None
        self._is_dismissed = False
        # Whether the last one that it answered was genuine; before the first one it works for itself.
        self._is_vouched = True

    async def open(self, child: socket.socket) -> None:
        """Connect to the newborn child and wait until its lock-down is complete."""
        try:
            await self._loop.create_unix_connection(lambda: self, sock=child)
        except BaseException:
            self.close()
            self.connection_lost(None)  # uvloop does not tell of the end of one that was cancelled
            raise
        try:
            await asyncio.wait_for(asyncio.shield(self.layers), _LOCK_DOWN_SECONDS)
        except TimeoutError:
            self.kill("the lock-down did not end")
            self.layers.cancel()
            raise SandboxUnavailable("a new sandbox did not answer") from None
        except asyncio.CancelledError:
            self.close()
            raise

    # requests

    def run(
        self, operation: int, event_id: str, head: bytes, body: bytes, asked_at: float | None = None
    ) -> asyncio.Future[Outcome | None]:
        """Send one request, asked for at this time of the loop; the future raises what `send_away` says."""
        self._sequence += 1
        return self._send(operation, self._sequence, event_id, head, body, asked_at)

    def load(self, script: Script, code: bytes) -> asyncio.Future[tuple[dict[str, Any], bytes] | None]:
        """Send the script; what is known of it and its code come back. None where the child died of it.

        `code`: what an earlier child gave for this text, or nothing. Raises JSONEncodeError.
        """
        self._script = script
        return self._send(wire.LOAD, 0, "", script.load_document(), code)

    def probe(self, name: str) -> asyncio.Future[dict[str, Any] | None]:
        """Have a probe of the self-test run; None where the child died of it."""
        return self._send(wire.PROBE, 0, "", name.encode(), b"")

    def _send(
        self, operation: int, sequence: int, event_id: str, head: bytes, body: bytes, asked_at: float | None = None
    ) -> asyncio.Future[Any]:
        landing: asyncio.Future[Any] = self._loop.create_future()
        if not self.is_open:
            landing.set_result(None)
            return landing
        request_id = _new_request_id()
        self.used_at = self._loop.time()
        if not self.flights:
            self.heard_at = self._asked_at = self.used_at
            self.asked_count += 1
            self._on_work(self)
        self.flights.append(Flight(operation, sequence, request_id, len(body), asked_at or self.used_at, landing))
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(wire.request_frame(operation, request_id, event_id.encode(), head, body))
        return landing

    def _flush(self) -> None:
        # What was asked for in one turn of the loop goes out in one write: waking the child is the dear part.
        # A child that was killed this very moment hears nothing any more: its burial sends the flights elsewhere.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._outbox))
        self._outbox.clear()

    # what comes back

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without being derived from it

    def data_received(self, data: bytes) -> None:
        if self._kill_reason is not None:
            self._hear_last_words(data)  # it goes on talking until the signal arrives: no frame of that is kept
            return
        try:
            for frame in self._reader.feed(data):
                self._land(*wire.read_result(frame))
        except wire.ProtocolBroken as error:
            self.kill(f"the sandbox broke its protocol: {error}")
        if not self.flights and not self.is_open:
            self.close()

    def _land(self, request_id: int, meta: dict[str, Any], actions: bytes, reply_body: bytes) -> None:
        if not self.layers.done():
            self.layers.set_result(_read_layers(request_id, meta))
            return
        if not self.flights or self.flights[0].request_id != request_id:
            raise wire.ProtocolBroken("an answer that nobody asked for")
        flight = self.flights[0]
        if not flight.landing.done():  # else nobody waits for it any more
            result: Outcome | tuple[dict[str, Any], bytes] | dict[str, Any] = meta
            if flight.operation in _RUNS:
                result = wire.read_outcome(meta, actions, reply_body, self.limits)
                self._is_vouched = result.is_authenticated
            elif flight.operation == wire.LOAD:
                result = meta, actions
            flight.landing.set_result(result)
        self.flights.popleft()
        if not self.flights:
            self._asked_seconds += time.monotonic() - self._asked_at
        self.heard_at = self._loop.time()  # an answer is a sign of life; a dripping of bytes is none

    def send_away(self, wait_seconds: float) -> None:
        """Refuse whoever has waited for so long and has not begun; the child passes over these.

        They came in order: behind the first that may still wait nobody is looked at.
        """
        asked_before = self._loop.time() - wait_seconds
        begun, _ = split_word(self.page.word())
        for flight in islice(self.flights, 1, None):  # the first has its turn, though it may not have begun
            if flight.sequence <= begun:
                continue
            if flight.asked_at > asked_before:
                return
            self.page.pass_over(flight.sequence)
            if not flight.landing.done():
                flight.landing.set_exception(waited_too_long(wait_seconds))

    def asked_seconds(self) -> float:
        """Say for how long of its life it has had something to do. Not by the loop's clock, which stands in a turn."""
        return self._asked_seconds + (time.monotonic() - self._asked_at if self.flights else 0)

    # the end

    def kill(self, reason: str, *, asks_where: bool = False) -> None:
        """End the child for this reason; the request that it is at fails with it, whatever the child does until then.

        `asks_where`: it has a moment to say at which line it is.
        """
        if self._kill_reason is not None:
            return
        self._kill_reason = reason
        self.is_open = False
        self._last_seen = self._see()
        if asks_where:
            self._server.signal(self.pid, ASK_WHERE)
            self._loop.call_later(_LAST_WORDS_SECONDS, self._server.signal, self.pid, signal.SIGKILL)
        else:
            self._server.signal(self.pid, signal.SIGKILL)

    def _see(self) -> tuple[int, bytes, bool]:
        return self.page.word(), *self.page.log()

    def _hear_last_words(self, data: bytes) -> None:
        self._words += data[: WORDS_BYTES_MAX - len(self._words)]
        if is_all_said(self._words):
            self._server.signal(self.pid, signal.SIGKILL)

    def retire(self) -> None:
        """Take no more requests, finish what is in flight, then go."""
        self.is_open = False
        if not self.flights:
            self.close()

    def close(self) -> None:
        """Let the child end: it does when its socket closes."""
        self.is_open = False
        self._is_dismissed = True
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._burial is None:
            self._burial = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        try:
            self._mourn(await self._server.ending(self.pid))
        finally:
            self.buried.set_result(None)

    def _mourn(self, ending: Ending) -> None:
        word, printed, is_whole = self._last_seen or self._see()
        self.page.close()
        death = self._explain(ending, *split_word(word))
        if not self.layers.done():
            self.layers.set_exception(wire.ProtocolBroken(f"the child died in its lock-down: {death.reason}"))
        self.end_reason = death.reason if death.culprit is not None else None
        flights, self.flights = self.flights, deque()
        if not self._is_dismissed or death.is_escape:
            self._on_death(self, death)
        for flight in flights:
            if not flight.landing.done():
                flight.landing.set_result(self._failure(death, printed, is_whole) if flight is death.culprit else None)

    def _explain(self, ending: Ending, sequence: int, stage: int) -> Death:
        is_escape = ending.signal == getattr(signal, "SIGSYS", None)
        reason = self._kill_reason or reason_of(ending, self.limits, self._memory_budget_bytes)
        culprit = self.flight_at(sequence) if stage in (AUTHENTICATE, TRANSFORM) else None
        if culprit is None and self.flights and (stage == LOAD or self._kill_reason is not None):
            culprit = self.flights[0]
        if self._kill_reason is None and ending.signal in (UNKNOWN_ENDING.signal, signal.SIGKILL):
            # killed by somebody else: nobody's fault, everybody runs again
            return Death(reason, stage, is_escape, culprit=None, is_counted=False)
        if reason == WORKS_UNASKED:  # of whoever came since then it is no fault
            return Death(reason, IDLE, is_escape, culprit=None, is_counted=self._is_vouched)
        is_after_yes = stage in (LOAD, TRANSFORM) if culprit is not None else stage != AUTHENTICATE and self._is_vouched
        return Death(reason, stage, is_escape, culprit, is_counted=is_after_yes)

    def _failure(self, death: Death, printed: bytes, is_whole: bool) -> Outcome | None:
        assert death.culprit is not None
        if death.culprit.operation not in _RUNS or self._script is None:
            return None
        stage = death.stage if death.stage in (AUTHENTICATE, TRANSFORM) else AUTHENTICATE
        return Outcome(
            kind="failed",
            is_authenticated=stage == TRANSFORM,
            stage=STAGE_NAMES[stage],
            reason=death.reason,
            trace=read_trace(self._words, self._script),
            logs=read_log(printed, self._script, is_whole=is_whole),
        )

    def flight_at(self, sequence: int) -> Flight | None:
        """Find the request in flight with this number."""
        for flight in self.flights:
            if flight.sequence == sequence and flight.operation in _RUNS:
                return flight
        return None


def waited_too_long(wait_seconds: float) -> SandboxUnavailable:
    detail = f"it waited {wait_seconds:g} s for its turn behind other requests of its source; send it again"
    return SandboxUnavailable(detail, math.ceil(wait_seconds), limit="sandbox_wait_seconds")


def _read_layers(request_id: int, meta: dict[str, Any]) -> dict[str, str]:
    layers = meta.get("layers")
    if request_id != 0 or type(layers) is not dict:
        raise wire.ProtocolBroken("a child that does not report its lock-down")
    return {str(name): str(state) for name, state in layers.items()}
