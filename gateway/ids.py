"""Ids: a prefix that says what it names, and a ULID that sorts by the time it was made.

Within one process they grow strictly (python-ulid's default), also inside one millisecond: events
that come in one after the other keep that order in their ids, and so in the clock that decides
whose value is newer.
"""

from hashlib import sha256

from ulid import ULID


def mint_event_id() -> str:
    return f"evt_{ULID()}"


def first_event_id_at(at: int) -> str:
    """Give the lowest id of an event that was made at this time or later (microseconds since 1970)."""
    return f"evt_{ULID.from_bytes(max(0, at // 1000).to_bytes(6, 'big') + bytes(10))}"


def number_of(event_id: str) -> int:
    """Give the 128 bits of an event's id; one that is no ULID gives those of its hash."""
    try:
        return int(ULID.from_str(event_id.removeprefix("evt_")))
    except ValueError:
        return int.from_bytes(sha256(event_id.encode()).digest()[:16])


def mint_version_id() -> str:
    return f"ver_{ULID()}"


def mint_key_id() -> str:
    return f"key_{ULID()}"


def mint_user_id() -> str:
    return f"usr_{ULID()}"


def mint_alert_id() -> str:
    return f"alert_{ULID()}"


def mint_bulk_id() -> str:
    return f"blk_{ULID()}"


def mint_erasure_id() -> str:
    return f"era_{ULID()}"


def mint_job_id() -> str:
    return f"job_{ULID()}"


def job_made_at_ms(job_id: str) -> int:
    """Give when a job was made, in milliseconds since 1970; 0 for one that is not ours and may hold anything."""
    try:
        return int(ULID.from_str(job_id.removeprefix("job_")).milliseconds)
    except ValueError:
        return 0
