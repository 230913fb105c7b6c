"""Landlock: no file, no TCP port, no signal to others, also where nobody is root.

Takes nothing, takes rights away from the calling process for good. A second wall behind seccomp: it
holds where a system call is allowed that names a file.
"""

import ctypes
import errno
import os
import sys

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_CREATE_RULESET_VERSION = 1

# Rights over files that each version of the interface knows; handling all and granting none denies all.
_FILE_RIGHTS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_BITS_LATEST = 16
_NET_RIGHTS = 0b11
_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def find_version(libc: ctypes.CDLL) -> int:
    """Ask the kernel which version of the interface it has; below 1 where there is none."""
    return int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_CREATE_RULESET_VERSION)))


def deny_everything(libc: ctypes.CDLL) -> str:
    """Give "on", or "off: why" where the kernel has no Landlock. Wants no_new_privs, or root."""
    if not sys.platform.startswith("linux"):
        return "off: Landlock exists on Linux only"
    if (version := find_version(libc)) < 1:
        return f"off: {errno.errorcode.get(ctypes.get_errno(), 'not in this kernel')}"
    rights = _Ruleset(
        files=(1 << _FILE_RIGHTS_BITS.get(version, _FILE_RIGHTS_BITS_LATEST)) - 1,
        net=_NET_RIGHTS if version >= 4 else 0,
        scoped=_SCOPES if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = libc.syscall(_CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    if libc.syscall(_RESTRICT_SELF, descriptor, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(descriptor)
    return "on"
