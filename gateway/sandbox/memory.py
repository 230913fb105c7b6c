"""Memory: how much of it is left for another child, and how much one has taken.

Takes what the kernel says of this machine (`/proc/meminfo`) and of this program's control group (version 2:
`memory.max`, also of the groups above it); gives the bytes that are missing below a floor. Where neither is
to be had nothing is ever missing. Takes the pid of a child, gives its peak. Never frees anything: whom to send
home is the pool's to say.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.sandbox.limits import MIB

# Enough for a few children to grow to their limits while the others are on their way home.
_FLOOR_BYTES_MAX = 256 * MIB
_FLOOR_SHARE = 16

_PROCESSES = Path("/proc")
_MEMINFO = Path("/proc/meminfo")
_OWN_GROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


class Memory:
    """What this program may still use, looked up each time."""

    def __init__(
        self,
        floor_bytes: int | None = None,
        *,
        meminfo: Path = _MEMINFO,
        own_group: Path = _OWN_GROUP,
        groups: Path = _GROUPS,
    ) -> None:
        """Without a floor it is a sixteenth of all memory, at most 256 MiB. Paths: where the kernel tells."""
        self._floor_bytes = floor_bytes
        self._meminfo = meminfo
        self._group_folders = tuple(_limited_groups(own_group, groups))

    def missing_bytes(self) -> int:
        """Say how far the memory that is left lies below the floor; 0 where there is enough."""
        rooms = [_room_of_machine(self._meminfo), *map(_room_of_group, self._group_folders)]
        return max((self._missing_in(*room) for room in rooms if room is not None), default=0)

    def _missing_in(self, total: int, available: int) -> int:
        floor = min(total // _FLOOR_SHARE, _FLOOR_BYTES_MAX) if self._floor_bytes is None else self._floor_bytes
        return max(0, floor - available)


def peak_bytes(pid: int, budget_bytes: int) -> int | None:
    """Say how much of its budget a living child has had at its most; None where the kernel does not tell.

    Counted is what the budget limits: the growth of its address space since the lock-down, touched or not. That is
    the budget without what still lies between its peak and its limit.
    """
    peak_kib = _fields((_read(_PROCESSES / str(pid) / "status") or "").replace(":", "")).get("VmPeak")
    lines = (_read(_PROCESSES / str(pid) / "limits") or "").splitlines()
    limit = next((line.split()[3] for line in lines if line.startswith("Max address space")), "")
    if peak_kib is None or not limit.isdigit():
        return None
    return budget_bytes - (int(limit) - peak_kib * 1024)


def _limited_groups(own_group: Path, groups: Path) -> Iterator[Path]:
    """List this program's control group and those above it that can have a limit."""
    lines = (_read(own_group) or "").splitlines()
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        return
    folder = groups / own
    for each in (folder, *folder.parents):
        if (each / "memory.max").exists():
            yield each
        if each == groups:
            return


def _room_of_machine(meminfo: Path) -> tuple[int, int] | None:
    """Give (all, available) in bytes."""
    fields = _fields((_read(meminfo) or "").replace(":", ""))
    if "MemTotal" not in fields or "MemAvailable" not in fields:
        return None
    return fields["MemTotal"] * 1024, fields["MemAvailable"] * 1024


def _room_of_group(folder: Path) -> tuple[int, int] | None:
    limit, used = _read(folder / "memory.max"), _read(folder / "memory.current")
    if limit is None or used is None or not limit.strip().isdigit():
        return None
    # Files that were read once count as used, and are the first to go.
    unused_files = _fields(_read(folder / "memory.stat") or "").get("inactive_file", 0)
    return int(limit), int(limit) - int(used) + unused_files


def _fields(text: str) -> dict[str, int]:
    words = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in words if len(pair) >= 2 and pair[1].isdigit()}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
