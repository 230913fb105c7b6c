"""Audit: who did what to what, when, with the values before and after (never a secret)."""

from typing import Any

import orjson
from sqlalchemy import Connection, insert

from gateway.store.tables import audit


def write_audit(
    conn: Connection, *, at: int, actor: str, operation: str, subject: str, before: Any = None, after: Any = None
) -> None:
    conn.execute(
        insert(audit).values(
            at=at, actor=actor, operation=operation, subject=subject, before=_json(before), after=_json(after)
        )
    )


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
