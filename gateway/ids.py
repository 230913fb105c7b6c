"""Ids: a prefix that says what it names, and a ULID that sorts by the time it was made.

Within one process they grow strictly (python-ulid's default), also inside one millisecond: events
that come in one after the other keep that order in their ids, and so in the clock that decides
whose value is newer.
"""

from ulid import ULID


def mint_event_id() -> str:
    return f"evt_{ULID()}"


def mint_version_id() -> str:
    return f"ver_{ULID()}"


def mint_key_id() -> str:
    return f"key_{ULID()}"


def mint_job_id() -> str:
    return f"job_{ULID()}"
