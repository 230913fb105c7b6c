"""Descriptors: how many files and sockets this process may have open.

Takes nothing; raises the soft limit towards the hard one, once, where a pool starts: every child costs its
gateway two descriptors, and many systems begin with 1,024 in all. Never raises the hard limit.
"""

import contextlib
import resource

# Ten thousand children and all connections; a limit without end makes some programs walk through all of it.
_ENOUGH = 65_536


def raise_descriptor_limit() -> None:
    """Raise the soft limit as far as the hard one and need go; a system that refuses leaves it as it was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= enough:
        return
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower ceiling than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
