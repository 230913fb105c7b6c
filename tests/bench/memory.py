"""Memory: what a process has for itself alone, and whose children are whose.

Takes a process id, gives MiB: `private` leaves out the pages that a child shares with the server that
forked it, which is what one more child costs. Needs Linux and, for the sandbox's children (which nobody
but root may look into), root: elsewhere it gives None, and the column stays empty.
"""

import re
from pathlib import Path
from statistics import fmean

_PRIVATE = re.compile(r"^Private_\w+: +(\d+) kB$", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def private_mib(pid: int) -> float | None:
    return _sum_mib(_PRIVATE, Path(f"/proc/{pid}/smaps_rollup"))


def resident_mib(pid: int) -> float | None:
    return _sum_mib(_RESIDENT, Path(f"/proc/{pid}/status"))


def peak_mib(pid: int) -> float | None:
    """Give the most that a process has had in memory at any time."""
    return _sum_mib(_PEAK, Path(f"/proc/{pid}/status"))


def _sum_mib(pattern: re.Pattern[str], path: Path) -> float | None:
    try:
        found = pattern.findall(path.read_text())
    except OSError:
        return None
    return sum(map(int, found)) / 1024 if found else None


def sandboxes_of(pid: int) -> list[int]:
    """Give the children of the fork server that a gateway, or this process, has started."""
    return [child for server in _children_of(pid) for child in _children_of(server)]


def _children_of(pid: int) -> list[int]:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for each in lists for child in each.split()]


def sandbox_mib(pid: int) -> tuple[int, float | None]:
    """Count a gateway's sandboxes; with them their private memory, each on average."""
    sandboxes = sandboxes_of(pid)
    known = [mib for sandbox in sandboxes if (mib := private_mib(sandbox)) is not None]
    return len(sandboxes), fmean(known) if known else None
