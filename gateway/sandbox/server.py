"""Server: the fork server's own program.

Executed fresh by the gateway with an empty environment, so that no child ever inherits a secret. Imports
and warms all that a child may need, freezes it, then forks a child for each order that comes over its
control socket, and tells who died of what. Single-threaded; never reads a script, a secret or a request.
"""

import gc
import os
import select
import signal
import socket
import sys
import warnings
from typing import Any, NoReturn

import orjson

from gateway.sandbox import lockdown, seccomp
from gateway.sandbox.child import Birth, live
from gateway.sandbox.warmth import fill_gaps, warm_up

_ORDER_BYTES = 4096
_UNIT_BYTES = 1024 if sys.platform.startswith("linux") else 1  # of ru_maxrss


def main(control_descriptor: int, *, is_fenced: bool) -> NoReturn:
    """Serve orders until the gateway goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    lockdown.die_with_parent()
    network = lockdown.isolate_network()
    warm_up(is_fenced=is_fenced)
    gc.collect()
    _filling = fill_gaps()  # for as long as this frame lives, in every child too
    gc.freeze()
    control = socket.socket(fileno=control_descriptor)
    server = _Server(control, is_fenced=is_fenced)
    try:
        server.tell({"ready": True, "layers": {"network": network}})
        server.serve()
    except ConnectionError:  # the gateway has gone in the middle of a word
        server.end()


class _Server:
    def __init__(self, control: socket.socket, *, is_fenced: bool) -> None:
        self._control = control
        self._is_fenced = is_fenced
        self._orders = b""
        self._descriptors: list[int] = []
        self._children: set[int] = set()
        has_filter = seccomp.unavailable_because() is None
        self._program = seccomp.assemble(lockdown.SOCKET_DESCRIPTOR) if has_filter else None
        self._idle_size = _measure_idle_child()
        self._wakeups, told = os.pipe()
        os.set_blocking(self._wakeups, False)
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> NoReturn:
        control = self._control.fileno()
        poll = select.poll()  # not select: a gateway of many connections hands over a descriptor past its 1,024
        for descriptor in (control, self._wakeups):
            poll.register(descriptor, select.POLLIN)
        while True:
            readable = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeups in readable:
                os.read(self._wakeups, _ORDER_BYTES)
                self._reap()
            if control in readable:
                self._read_orders()

    def tell(self, message: dict[str, Any]) -> None:
        self._control.sendall(orjson.dumps(message) + b"\n")

    def _read_orders(self) -> None:
        # The kernel ends a read at a message that carries descriptors: they are always in the order of their orders.
        data, descriptors, _, _ = socket.recv_fds(self._control, _ORDER_BYTES, 16)
        if not data:
            self.end()
        self._descriptors += descriptors
        *lines, self._orders = (self._orders + data).split(b"\n")
        for line in lines:
            self._obey(orjson.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if "signal" in order:
            if order["to"] in self._children:
                os.kill(order["to"], order["signal"])
        else:
            self._fork(order)

    def _fork(self, order: dict[str, Any]) -> None:
        socket_descriptor, page_descriptor = self._descriptors[:2]
        del self._descriptors[:2]
        server_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            birth = Birth(socket_descriptor, page_descriptor, order["memory"], self._program, self._is_fenced)
            live(birth, server_pid)
        os.close(socket_descriptor)
        os.close(page_descriptor)
        self._children.add(pid)
        self.tell({"born": pid, "order": order["order"]})

    def _reap(self) -> None:
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            grown_bytes = max(0, usage.ru_maxrss - self._idle_size) * _UNIT_BYTES
            self.tell({"died": pid, "signal": ended_by, "grown": grown_bytes})

    def end(self) -> NoReturn:
        """Take every child along."""
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        sys.exit(0)


def _measure_idle_child() -> int:
    """Say what a child that does nothing has in memory: less than its parent, since it has touched nothing yet."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.wait4(pid, 0)[2].ru_maxrss
