"""Death: why a child is no more, in words for its people.

Takes how the kernel says that a process ended and how far it had grown; gives the reason. Whose request it was is the
channel's to know, what follows from it for the source the pool's.
"""

import asyncio
import signal
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.forkserver import Ending
from gateway.sandbox.limits import Limits, describe_bytes

# How a child ends that finds no memory at a moment when nobody can be told: a library in C crashes, or it gives up.
# A buffer doubles when it grows: the last request for more comes when half of what there is is taken.
_ENDS_OF_MEMORY = (0, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)

WORKS_UNASKED = "the sandbox works although it was asked nothing"
FORBIDDEN_CALL = "forbidden system call: the script tried to leave its sandbox"


@dataclass(slots=True, eq=False)
class Flight:
    """One frame on its way: to the child, in it, or on its way back."""

    operation: int
    sequence: int
    request_id: int
    body_bytes: int
    asked_at: float
    landing: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Death:
    """Why a child died, and at which stage of whose request, if it was anybody's.

    `is_counted` says whether its script is to blame, and no stranger: somebody genuine was asking, or nobody at all.
    """

    reason: str
    stage: int
    is_escape: bool
    culprit: Flight | None
    is_counted: bool


def reason_of(ending: Ending, limits: Limits, memory_budget_bytes: int) -> str:
    """Say why a child ended that nobody of ours has killed."""
    if ending.signal == getattr(signal, "SIGSYS", None):
        return FORBIDDEN_CALL
    if ending.signal in _ENDS_OF_MEMORY and ending.grown_bytes > memory_budget_bytes / 2:
        return f"limit: memory {describe_bytes(limits.memory_bytes)}"
    if ending.signal <= 0:
        return "the sandbox ended without an answer"
    return f"the sandbox crashed ({signal.Signals(ending.signal).name})"
