"""Self-test: does the wall hold on this machine, now?

The probes are plain Python, run in a real locked child of the running fork server before it may serve.
Each tries something that no child may do; it must end in an error or in the child's death. Takes
nothing, gives the names of those that succeeded: none, or the sandbox does not open.
"""

import ctypes
import mmap
import os
import signal
import socket
from collections.abc import Callable

_PROT_ALL = 0x1 | 0x2 | 0x4


def _map_executable() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=_PROT_ALL).close()


def _make_executable() -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, _PROT_ALL):
        raise PermissionError


def _read_environment() -> None:
    environment = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    if not environment or environment[0] is None:
        raise LookupError


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _execute() -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606 (the point is that it must fail)


PROBES: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.close(os.open("/etc/passwd", os.O_RDONLY)),
    "list a folder": lambda: os.listdir("/"),
    "write a file": lambda: os.close(os.open("/tmp/hookwright-probe", os.O_WRONLY | os.O_CREAT)),  # noqa: S108
    "read its environment": _read_environment,
    "write to another descriptor": lambda: os.write(2, b"\n"),
    "map executable memory": _map_executable,
    "make memory executable": _make_executable,
    "allocate without end": lambda: bytearray(1 << 40),
    "open a socket": lambda: socket.socket(socket.AF_INET).close(),
    "open a local socket": lambda: socket.socketpair(),
    "fork": _fork,
    "execute a program": _execute,
    "signal another process": lambda: os.kill(os.getppid(), 0),
    "raise its limits": lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),
    "handle signals": lambda: signal.pause(),
}
