"""Seccomp: the layer that counts. A process that may compute, grow, and talk on one socket.

Takes the number of that socket's descriptor, gives a classic BPF program, assembled by hand so that no
library is needed; it is built once in the fork server and loaded by each child with one call. Three
answers: allowed, EPERM for what CPython tries by itself (a lazy import, source lines for a traceback),
and death by SIGSYS for the rest, so that an attempt to break out is seen.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# name -> (x86_64, aarch64); None: that machine does not have it
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    # steady CPython, and what the C library may ask for by itself
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "rt_sigreturn": (15, 139),
    "rt_sigprocmask": (14, 135),
    "sigaltstack": (131, 132),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getrandom": (318, 278),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # tried by CPython in good faith
    "open": (2, None),
    "openat": (257, 56),
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "access": (21, None),
    "faccessat": (269, 48),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "ioctl": (16, 29),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "fcntl": (72, 25),
    "close": (3, 57),
    "getuid": (102, 174),
    "getrusage": (98, 165),
    "rt_sigaction": (13, 134),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "sched_getaffinity": (204, 123),
    "tgkill": (234, 131),
    "poll": (7, None),
    "ppoll": (271, 73),
}
_NAMES = tuple(_NUMBERS)
_ALLOWED = _NAMES[_NAMES.index("munmap") : _NAMES.index("open")]
_REFUSED = _NAMES[_NAMES.index("open") :]

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32_BIT = 0x40000000

_LOAD_WORD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL_PROCESS, _ALLOW, _EPERM = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM
# offsets in struct seccomp_data: number, architecture, then six 64-bit arguments (low word first)
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 16, 32
_PROT_EXEC = 4

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def unavailable_because() -> str | None:
    """Say why there can be no filter on this machine, or None. Asks the kernel: some are built without."""
    if not sys.platform.startswith("linux"):
        return "seccomp exists on Linux only"
    if platform.machine() not in _MACHINES:
        return f"no filter is written for {platform.machine()}"
    # A kernel that could take a filter looks for it at the address 0; one that could not refuses the question.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    number = ctypes.get_errno()
    return None if number == errno.EFAULT else f"this kernel takes no filter ({os.strerror(number)})"


def assemble(socket_descriptor: int, machine: str | None = None) -> bytes:
    """Write the program for a process that may read and write this descriptor and no other."""
    column, audit_code = _MACHINES[machine or platform.machine()]
    numbers = {name: number for name, columns in _NUMBERS.items() if (number := columns[column]) is not None}
    lines = [(_LOAD_WORD, 0, 0, _MACHINE_AT), (_JUMP_EQUAL, 1, 0, audit_code), (_RETURN, 0, 0, _KILL_PROCESS)]
    lines += [(_LOAD_WORD, 0, 0, _NUMBER_AT)]
    if column == 0:
        lines += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    for name in ("read", "write"):
        lines += _only_on(numbers[name], socket_descriptor)
    for name in ("mmap", "mprotect"):
        lines += _never_executable(numbers[name])
    for names, answer in ((_ALLOWED, _ALLOW), (_REFUSED, _EPERM)):
        for name in names:
            if name in numbers:
                lines += [(_JUMP_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, answer)]
    lines += [(_RETURN, 0, 0, _KILL_PROCESS)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _only_on(number: int, descriptor: int) -> list[tuple[int, int, int, int]]:
    return [
        (_JUMP_EQUAL, 0, 6, number),
        (_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT),
        (_JUMP_EQUAL, 0, 3, descriptor),
        (_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT + 4),
        (_JUMP_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]


def _never_executable(number: int) -> list[tuple[int, int, int, int]]:
    return [
        (_JUMP_EQUAL, 0, 4, number),
        (_LOAD_WORD, 0, 0, _THIRD_ARGUMENT_AT),
        (_JUMP_BITS, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def load(program: bytes, libc: ctypes.CDLL) -> None:
    """Put the calling process behind the filter, for good. Wants no_new_privs, or root."""
    buffer = ctypes.create_string_buffer(program, len(program))
    description = _Program(len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(description), 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")
