"""Limits: what one request of a source may cost.

Takes nothing, gives numbers; the watchdog, the lock-down and the runner hold scripts to them.
"""

from dataclasses import dataclass

MIB = 1 << 20

# orjson needs 12 times a document to parse it and dies on less; the rest is for the script's own copies.
MEMORY_BYTES_PER_BODY_BYTE = 16

# Bodies over this run in a child of their own with a budget of their own, so that every other child can stay small.
POOLED_BODY_BYTES_MAX = MIB

# What a child may use in its whole life: the kernel ends it there, also where the gateway stands still and watches
# nobody. It is replaced long before, with time enough for all that it was asked by then.
CHILD_CPU_SECONDS = 300
CHILD_WORN_CPU_SECONDS = 60.0

# What a child wrote is read in the gateway, by one process for everybody: 1 MiB of nothing but small values would take
# it 50 ms and more.
RESULT_PARTS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What each request of one source may cost, and how many at once. Past a cost its event is parked, never lost."""

    authenticate_cpu_seconds: float = 0.1
    transform_cpu_seconds: float = 0.25
    cpu_seconds_per_body_mib: float = 0.025
    wall_seconds: float = 1.0
    load_seconds: float = 1.0
    memory_bytes: int = 64 * MIB
    source_bytes: int = 64 * 1024
    result_bytes: int = MIB
    log_bytes: int = 16 * 1024
    actions_count: int = 1000
    in_flight_count: int | None = None  # requests at work at once; None: half of what others leave
    children_count: int | None = None  # processes at once, under load; None: as the cores allow

    def memory_budget_bytes(self, body_bytes: int) -> int:
        """Say how far a child may grow above its idle size to handle a body of that size."""
        return self.memory_bytes + MEMORY_BYTES_PER_BODY_BYTE * max(body_bytes, POOLED_BODY_BYTES_MAX)

    def extra_cpu_seconds(self, body_bytes: int) -> float:
        """Say what a body adds to the CPU limit of each stage: parsing is linear in it."""
        return self.cpu_seconds_per_body_mib * body_bytes / MIB


def describe_excess(text: str, source_bytes: int) -> str | None:
    """Say that a script is longer than its source may have, and by how much; None where it is not."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return f"the script has {size} bytes, the limit is {describe_bytes(source_bytes)}" if size > source_bytes else None


def describe_bytes(size: int) -> str:
    """Write a limit the way people set it: `64 MiB`, `16 KiB`, `900 bytes`."""
    if size >= MIB and size % MIB == 0:
        return f"{size // MIB} MiB"
    if size >= 1024 and size % 1024 == 0:
        return f"{size // 1024} KiB"
    return f"{size} bytes"
