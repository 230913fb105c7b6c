"""Limits: what one source may cost, where it differs from what all sources may.

Takes names and values, gives the whole table of a source's limits with what holds and what is usual. Every
limit that may be set stands in RANGES, with the least and the most that makes sense. Never checks whether the
machine can bear it: that is the administrator's to know.
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from gateway import clock
from gateway.config import Settings
from gateway.errors import OperatorError
from gateway.operations.operator import Operator
from gateway.registry import EDGE_LIMITS
from gateway.sandbox.limits import MIB, Limits
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sources import load_source, update_source

Number = int | float


@dataclass(frozen=True, slots=True)
class Range:
    """What a limit may be, and what it holds off. Whole numbers only where both ends are."""

    least: Number
    most: Number
    meaning: str

    def takes(self, value: Any) -> bool:
        kinds = (int,) if type(self.most) is int else (int, float)
        return type(value) in kinds and self.least <= value <= self.most


RANGES: Mapping[str, Range] = {
    "authenticate_cpu_seconds": Range(0.01, 5.0, "CPU of authenticate"),
    "transform_cpu_seconds": Range(0.01, 10.0, "CPU of transform"),
    "cpu_seconds_per_body_mib": Range(0.0, 1.0, "CPU of each on top, for every MiB of body"),
    "wall_seconds": Range(0.05, 15.0, "the whole request, waiting for a core included"),
    "load_seconds": Range(0.05, 5.0, "compiling the script and running its top level"),
    "memory_bytes": Range(8 * MIB, 1024 * MIB, "memory of a request, besides 16 times its body"),
    "source_bytes": Range(1024, MIB, "the text of the script"),
    "result_bytes": Range(1024, 8 * MIB, "all actions of a request as JSON"),
    "log_bytes": Range(0, 256 * 1024, "what a request prints"),
    "actions_count": Range(1, 10_000, "actions of a request"),
    "in_flight_count": Range(1, 10_000, "requests at work at once; else half of what others leave"),
    "children_count": Range(1, 64, "script processes at once, under load"),
    "body_bytes_max": Range(1024, 10 * MIB, "the body of a request, also after decoding"),
    "queue_events_max": Range(1, 100_000_000, "events that wait in the queue"),
    "requests_per_minute": Range(1, 10_000_000, "genuine requests in a minute"),
}


async def list_limits(op: Operator, name: str) -> list[dict[str, Any]]:
    """Give every limit of a source: value, usual value (None: none), whether it is its own. Raises NotFound."""
    row = await op.read(lambda conn: load_source(conn, name))
    return _table(orjson.loads(row["limits"]), op.settings)


async def set_limits(
    op: Operator, name: str, values: Mapping[str, Any], *, unset: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Give a source limits of its own, take others back; live in every gateway when this returns.

    Raises NotFound, OperatorError (an unknown name, a value out of its range).
    """
    for limit in (*values, *unset):
        _require_known(limit)
    for limit, value in values.items():
        _require_in_range(limit, value)

    def work(conn: Connection) -> dict[str, Any]:
        before = orjson.loads(load_source(conn, name)["limits"])
        after = {limit: value for limit, value in {**before, **values}.items() if limit not in unset}
        at = clock.now()
        update_source(conn, name, at, limits=orjson.dumps(after, option=orjson.OPT_SORT_KEYS).decode())
        write_audit(conn, at=at, actor=op.actor, operation="source.limits", subject=name, before=before, after=after)
        return after

    return _table(await op.publish(work), op.settings)


def _require_known(limit: str) -> None:
    if limit not in RANGES:
        near = difflib.get_close_matches(limit, RANGES, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(RANGES)}"
        raise OperatorError(f"there is no limit {limit!r}: {hint}")


def _require_in_range(limit: str, value: Any) -> None:
    allowed = RANGES[limit]
    if not allowed.takes(value):
        kind = "a whole number" if type(allowed.most) is int else "a number"
        raise OperatorError(f"{limit} is {kind} from {allowed.least} to {allowed.most}, not {value!r}")


def _table(own: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]]:
    usual = _usual(settings)
    return [
        {
            "limit": name,
            "value": own.get(name, usual[name]),
            "usual": usual[name],
            "is_own": name in own,
            "meaning": known.meaning,
        }
        for name, known in RANGES.items()
    ]


def _usual(settings: Settings) -> dict[str, Number | None]:
    """Give what holds for a source without limits of its own; None where nothing does, or the cores decide."""
    return {
        **asdict(Limits()),
        **dict.fromkeys(EDGE_LIMITS),
        "body_bytes_max": settings.body_bytes_max,
        "queue_events_max": settings.effective_source_queue_events_max,
        "in_flight_count": max(1, settings.requests_in_flight_max // 2),
    }
