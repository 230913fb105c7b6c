"""Fork server: the gateway's hold on the process that makes children.

Takes a memory budget, gives a newborn child: its pid, its socket, its stage page. Kills through the
server, which alone knows that a pid still is that child. When the server dies its children die with it,
and whoever holds this is told.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import SandboxUnavailable
from gateway.sandbox.stage import StagePage, open_page_memory

_START_SECONDS = 30
_BIRTH_SECONDS = 5
_STATUS_SECONDS = 1
_READ_BYTES = 65536

_ROOT = Path(__file__).parents[2]
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from gateway.sandbox.server import main; "
    "main(int(sys.argv[2]), is_fenced=sys.argv[3] == 'fenced')"
)


@dataclass(frozen=True, slots=True)
class Newborn:
    pid: int
    socket: socket.socket
    page: StagePage
    memory_budget_bytes: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The signal that ended a child, 0 for an exit, and how far it had grown at most."""

    signal: int
    grown_bytes: int = 0


UNKNOWN_ENDING = Ending(-1)


class ForkServer:
    """One fork server process. Used once: after its death a new one is made."""

    def __init__(self, on_end: Callable[[], None], *, is_fenced: bool = True) -> None:
        self._on_end = on_end
        self._is_fenced = is_fenced
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())  # nobody may be waiting
        self._births: dict[int, asyncio.Future[int]] = {}
        self._deaths: dict[int, asyncio.Future[Ending]] = {}
        self._orders = 0
        self._unread = b""

    async def start(self) -> dict[str, str]:
        """Execute the server with an empty environment; give the layers that it reports."""
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        mode = "fenced" if self._is_fenced else "unfenced"
        command = [sys.executable, "-I", "-B", "-c", _PROGRAM, str(_ROOT), str(theirs.fileno()), mode]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 (our own interpreter; a fork and an exec, once)
                command,
                env={},
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        asyncio.get_running_loop().add_reader(self._control, self._read)
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), _START_SECONDS)
        except TimeoutError:
            raise SandboxUnavailable(f"the fork server was not ready within {_START_SECONDS} s") from None

    async def bear(self, memory_budget_bytes: int) -> Newborn:
        """Have a child forked. Its lock-down goes on while this returns."""
        ours, theirs = socket.socketpair()
        page_descriptor = open_page_memory()
        with ExitStack() as if_it_is_not_born:
            if_it_is_not_born.enter_context(ours)  # a child that is born after all ends with its socket
            with theirs:
                try:
                    page = StagePage(page_descriptor)
                    if_it_is_not_born.callback(page.close)
                    birth = self._order(memory_budget_bytes, [theirs.fileno(), page_descriptor])
                finally:
                    os.close(page_descriptor)
            try:
                pid = await asyncio.wait_for(birth, _BIRTH_SECONDS)
            except TimeoutError:
                raise SandboxUnavailable("the fork server does not answer") from None
            if_it_is_not_born.pop_all()
        ours.setblocking(False)
        return Newborn(pid, ours, page, memory_budget_bytes)

    def _order(self, memory_budget_bytes: int, descriptors: list[int]) -> asyncio.Future[int]:
        self._orders += 1
        birth: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._births[self._orders] = birth
        self._send({"order": self._orders, "memory": memory_budget_bytes}, descriptors)
        return birth

    def signal(self, pid: int, number: int) -> None:
        """Have a signal sent to a child, unless it is dead already."""
        if pid in self._deaths:
            with suppress(SandboxUnavailable):  # then it ends with the server
                self._send({"signal": number, "to": pid}, [])

    async def ending(self, pid: int) -> Ending:
        """Wait until the child is known to be dead; give what ended it. See that it dies."""
        death = self._deaths.get(pid)
        if death is None:
            return UNKNOWN_ENDING
        try:
            return await asyncio.wait_for(asyncio.shield(death), _STATUS_SECONDS)
        except TimeoutError:
            self.signal(pid, signal.SIGKILL)  # it has closed its socket, or lost it, and lives on
            return UNKNOWN_ENDING
        finally:
            self._deaths.pop(pid, None)

    async def stop(self) -> None:
        """End the server and its children."""
        self._lose()
        if self._process is not None:
            await asyncio.to_thread(_wait_or_kill, self._process)

    def _send(self, order: dict[str, Any], descriptors: list[int]) -> None:
        if self._control is None:
            raise SandboxUnavailable("the fork server is away")
        try:
            socket.send_fds(self._control, [orjson.dumps(order) + b"\n"], descriptors)
        except OSError as error:
            raise SandboxUnavailable(f"the fork server is away: {error.strerror}") from None

    def _read(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            self._on_end()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._hear(orjson.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "born" in message:
            self._deaths[message["born"]] = asyncio.get_running_loop().create_future()
            birth = self._births.pop(message["order"])
            if not birth.done():
                birth.set_result(message["born"])
        elif "died" in message:
            death = self._deaths.get(message["died"])
            if death is not None and not death.done():
                death.set_result(Ending(message["signal"], message["grown"]))
        elif not self._ready.done():
            self._ready.set_result(message["layers"])

    def _lose(self) -> None:
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._control = None
        error = SandboxUnavailable("the fork server ended")
        if not self._ready.done():
            self._ready.set_exception(error)
        for birth in self._births.values():
            if not birth.done():
                birth.set_exception(error)
        for death in self._deaths.values():
            if not death.done():
                death.set_result(UNKNOWN_ENDING)
        self._births.clear()


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
