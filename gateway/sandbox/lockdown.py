"""Lock-down: what a fresh child gives up before it hears anything about a script.

Takes the child's one socket and its memory budget; gives, layer by layer, "on" or "off: why". The order
matters: first what needs privileges or files, seccomp last. Never goes on quietly: a layer that this
machine has and that fails raises.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

from gateway.sandbox import landlock, seccomp
from gateway.sandbox.limits import CHILD_CPU_SECONDS

SOCKET_DESCRIPTOR = 3

_IS_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNET, _CLONE_NEWIPC = 0x40000000, 0x08000000
_NOBODY = 65534
_STACK_BYTES = 8 << 20
# The fork server holds a handful at any time; where there is no close_range(2) each number costs a call.
_DESCRIPTORS_MAX = 4096

_libc = ctypes.CDLL(None, use_errno=True)


def isolate_network() -> str:
    """Leave the machine's network. Once, in the fork server: a namespace a child costs a millisecond and a megabyte."""
    if not _IS_LINUX:
        return "off: network namespaces exist on Linux only"
    if os.geteuid() != 0:
        return "off: needs root (seccomp refuses sockets anyway)"
    if _libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC):
        return f"off: {os.strerror(ctypes.get_errno())} (seccomp refuses sockets anyway)"
    return "on"


def die_with_parent() -> str:
    """Ask the kernel to kill this process when its parent goes."""
    if not _IS_LINUX:
        return "off: exists on Linux only (a closed socket ends the child)"
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return "on"


def adopt_socket(descriptor: int) -> None:
    """Keep this one descriptor, as number 3; close every other."""
    if descriptor != SOCKET_DESCRIPTOR:
        os.dup2(descriptor, SOCKET_DESCRIPTOR)
    os.closerange(0, SOCKET_DESCRIPTOR)
    os.closerange(SOCKET_DESCRIPTOR + 1, _DESCRIPTORS_MAX)


def lock_down(memory_budget_bytes: int, program: bytes | None) -> dict[str, str]:
    """Give up everything. `program` is the seccomp filter, None where there can be none."""
    os.setsid()  # without seccomp it could signal its group: that is nobody but itself
    _volunteer_for_the_oom_killer()
    report = {"user": _become_nobody(), "dies_with_parent": die_with_parent(), "not_dumpable": _hide_memory()}
    os.environ.clear()
    os.umask(0o777)
    idle_bytes = _virtual_memory_bytes()
    report["no_new_privs"] = refuse_new_privileges()
    report["landlock"] = landlock.deny_everything(_libc)
    report["limits"] = _limit_resources(idle_bytes + memory_budget_bytes if idle_bytes else None)
    if program is not None:
        seccomp.load(program, _libc)
    report["seccomp"] = "on" if program is not None else f"off: {seccomp.unavailable_because()}"
    return report


def _become_nobody() -> str:
    if os.geteuid() != 0:
        return "off: not started as root (the child keeps the gateway's user)"
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    return "on"


def _hide_memory() -> str:
    # After the change of user, which sets both this and the parent-death signal back.
    if not _IS_LINUX:
        return "off: exists on Linux only"
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return "on"


def refuse_new_privileges() -> str:
    """Gain nothing by executing a program, ever; without this nobody but root may restrict himself by the next two."""
    if not _IS_LINUX:
        return "off: exists on Linux only"
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    return "on"


def _volunteer_for_the_oom_killer() -> None:
    # A courtesy to the gateway, not a layer of the wall: it may fail.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _virtual_memory_bytes() -> int:
    if not _IS_LINUX:
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _limit_resources(address_space_bytes: int | None) -> str:
    none = (0, 0)
    limits: list[tuple[str, tuple[int, int]]] = [
        ("RLIMIT_CORE", none),
        ("RLIMIT_FSIZE", none),
        ("RLIMIT_NOFILE", none),
        ("RLIMIT_NPROC", none),
        ("RLIMIT_MEMLOCK", none),
        ("RLIMIT_MSGQUEUE", none),
        ("RLIMIT_STACK", (_STACK_BYTES, _STACK_BYTES)),
    ]
    if address_space_bytes is not None:
        limits.append(("RLIMIT_AS", (address_space_bytes, address_space_bytes)))
        # The first says by its signal what it was, and can be ignored; the second cannot.
        limits.append(("RLIMIT_CPU", (CHILD_CPU_SECONDS, CHILD_CPU_SECONDS + 5)))
    set_limit: Callable[[int, tuple[int, int]], None] = resource.setrlimit
    for name, pair in limits:
        if hasattr(resource, name):
            set_limit(getattr(resource, name), pair)
    return "on" if address_space_bytes is not None else "off: no limit on memory on this system"
