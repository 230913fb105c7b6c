"""Child: the loop of one sandbox.

Takes one socket, one page and a memory budget from the fork server; locks itself down, says so, then
answers frames in order: load once, run many. Answers of pipelined requests go out together. Ends when
the socket closes. Nothing of a script reaches it before the lock-down is complete.
"""

import faulthandler
import gc
import os
import signal
import time
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from gateway.sandbox import wire
from gateway.sandbox.lockdown import SOCKET_DESCRIPTOR, adopt_socket, die_with_parent, lock_down
from gateway.sandbox.runner import Runner
from gateway.sandbox.selftest import PROBES
from gateway.sandbox.stage import ASK_WHERE, IDLE, StagePage

# Below malloc's threshold for a mapping of its own: a larger buffer costs two system calls a read.
_READ_BYTES = 64 * 1024
_FLUSH_BYTES = 64 * 1024
# An answer waits for its neighbours no longer than this.
_FLUSH_SECONDS = 0.002
_FRAME_BYTES_MAX = 1 << 30

_BROKEN = 70


@dataclass(frozen=True, slots=True)
class Birth:
    """What the fork server hands to a new child."""

    socket_descriptor: int
    page_descriptor: int
    memory_budget_bytes: int
    program: bytes | None
    is_fenced: bool


def live(birth: Birth, server_pid: int) -> NoReturn:
    """Be a sandbox until the socket closes; never come back to the fork server's code."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        page = StagePage(birth.page_descriptor)
        adopt_socket(birth.socket_descriptor)
        # Answered in C at any moment, also in the middle of a builtin that never ends.
        faulthandler.register(ASK_WHERE, file=SOCKET_DESCRIPTOR, all_threads=False)
        die_with_parent()
        if os.getppid() != server_pid:
            os._exit(0)  # it died before the kernel was asked to tell
        report = lock_down(birth.memory_budget_bytes, birth.program)
        channel = _Channel()
        channel.send(wire.result_frame(0, {"layers": report}))
        _Sandbox(channel, page, is_fenced=birth.is_fenced).serve()
    finally:
        os._exit(_BROKEN)


class _Channel:
    """The one socket: frames in, frames out."""

    def __init__(self) -> None:
        self._reader = wire.FrameReader(_FRAME_BYTES_MAX)
        self._answers: list[bytes] = []
        self._answers_bytes = 0
        self._first_answer_at = 0.0

    def wait(self) -> list[bytes]:
        """Give the frames that came; answer what is due before going to sleep."""
        self.flush()
        data = os.read(SOCKET_DESCRIPTOR, _READ_BYTES)
        if not data:
            os._exit(0)
        return self._reader.feed(data)

    def send(self, frame: bytes) -> None:
        now = time.monotonic()
        if not self._answers:
            self._first_answer_at = now
        self._answers.append(frame)
        self._answers_bytes += len(frame)
        if self._answers_bytes > _FLUSH_BYTES or now - self._first_answer_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        data = memoryview(b"".join(self._answers))
        self._answers.clear()
        self._answers_bytes = 0
        while data:
            data = data[os.write(SOCKET_DESCRIPTOR, data) :]


class _Sandbox:
    def __init__(self, channel: _Channel, page: StagePage, *, is_fenced: bool) -> None:
        self._channel = channel
        self._page = page
        self._is_fenced = is_fenced
        self._runner: Runner | None = None
        self._sequence = 0

    def serve(self) -> NoReturn:
        while True:
            for frame in self._channel.wait():
                self._channel.send(self._answer(frame))

    def _answer(self, frame: bytes) -> bytes:
        operation, request_id, event_id, head, body = wire.read_request(frame)
        if operation == wire.LOAD:
            return wire.result_frame(request_id, *self._load(head, body))
        if operation == wire.PROBE:
            return wire.result_frame(request_id, _probe(head.decode()))
        assert self._runner is not None
        self._sequence += 1
        if self._sequence <= self._page.passed_over:
            return wire.result_frame(request_id, {"kind": "passed over"})  # nobody reads it
        meta, actions, reply_body = self._runner.run(self._sequence, operation, event_id, head, body)
        self._page.note(self._sequence, IDLE)
        return wire.result_frame(request_id, meta, actions, reply_body)

    def _load(self, head: bytes, code: bytes) -> tuple[dict[str, Any], bytes]:
        self._runner = Runner(orjson.loads(head), self._page, is_fenced=self._is_fenced)
        answer = self._runner.load(code)
        # What is loaded lives as long as the child: collections after each request need not look at it.
        gc.collect()
        gc.freeze()
        self._page.note(0, IDLE)
        return answer


def _probe(name: str) -> dict[str, Any]:
    try:
        PROBES[name]()
    except (OSError, MemoryError, LookupError) as error:
        return {"refused": type(error).__name__}
    return {"refused": None}
