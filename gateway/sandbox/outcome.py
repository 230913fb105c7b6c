"""Outcome: what became of one request in the sandbox.

Takes the fields that a child's reply (or its death) gives; gives plain, immutable values. The actions
stay the bytes that the child wrote: whoever uses them validates them first.
"""

from dataclasses import dataclass
from typing import Any, Literal

from gateway.errors import Problem

Kind = Literal["actions", "ignored", "answered", "rejected", "try_later", "failed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that a script wants its sender to get."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict and the actions of one request, or why there are none.

    `is_authenticated` holds the verdict also when the script failed after it: only then may the
    request be parked. `stage` says where it failed, `reason` why in words a person can act on.
    """

    kind: Kind
    is_authenticated: bool
    actions: bytes = b"[]"
    reply: Reply | None = None
    status: int | None = None
    stage: str | None = None
    reason: str | None = None
    trace: tuple[dict[str, Any], ...] = ()
    logs: str = ""
    unique_key: str | None = None
    occurred_at: int | None = None
    cpu_seconds: float = 0.0
    authenticate_cpu_seconds: float = 0.0  # its part of them
    memory_peak_bytes: int | None = None  # of the budget, the loading included; None where it was not measured
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a script text is worth before anybody publishes it."""

    problems: tuple[Problem, ...]
    has_authenticate: bool
    docstring: str
