"""Clock: the one place that asks what time it is. Microseconds since 1970 (UTC), and ISO texts of them."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def now() -> int:
    return time.time_ns() // 1000


def iso(at: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC, with microseconds and Z; one that no calendar has, as the nearest that it has.

    Refusing it is for who takes it in: whoever reads a list must get it, whatever one of its rows holds.
    """
    if at is None:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        moment = _FIRST if at < 0 else _LAST
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
