"""Clock: when a thing was said, as one text that sorts.

(when it happened in UTC, id of the root, action index, item index), each in fixed width: two clocks
compare as their texts do, in Python and in a column that is compared by byte. Never a replay's own id
or time: what is said again keeps its place.
"""

from datetime import datetime

from gateway.actions.fields import microseconds
from gateway.store.clocks import DIGITS, YEAR_ONE, instant, said_at

__all__ = ["clock", "dated", "instant", "not_after", "said_at", "stamp"]


def stamp(at: int) -> str:
    """Write microseconds since 1970 so that they sort as text."""
    return f"{max(0, at + YEAR_ONE):0{DIGITS}d}"


def clock(at: int, root: str, action_index: int, item_index: int) -> str:
    return f"{stamp(at)}.{root}.{action_index:05d}.{item_index:05d}"


def dated(at: int, said: str) -> str:
    """Give the clock of a thing that has a date of its own; equal dates are decided by who said it last."""
    return f"{stamp(at)}.{said}"


def not_after(moment: datetime | None, received_at: int, default: int | None = None) -> int:
    """Give when it happened: what the sender says, but never later than it was received."""
    said = microseconds(moment) if moment is not None else default
    return received_at if said is None else min(said, received_at)
