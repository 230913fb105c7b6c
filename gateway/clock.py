"""Clock: the one place that asks what time it is. Microseconds since 1970 (UTC), and ISO texts of them."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    return time.time_ns() // 1000


def iso(at: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC, with microseconds and Z."""
    if at is None:
        return None
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
