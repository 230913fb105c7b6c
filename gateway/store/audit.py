"""Audit: who did what to what, when, with the values before and after (never a secret)."""

from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from gateway.store.rows import plain
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


def list_audit(
    conn: Connection, *, actor: str = "", operation: str = "", subject: str = "", before_id: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Give rows, newest first, from below `before_id`; `operation` is one (`source.pause`) or a group (`source`)."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if actor:
        query = query.where(audit.c.actor == actor)
    if operation:
        one, group = audit.c.operation == operation, audit.c.operation.startswith(f"{operation}.", autoescape=True)
        query = query.where(one | group)
    if subject:
        query = query.where(audit.c.subject == subject)
    if before_id:
        query = query.where(audit.c.id < before_id)
    return [plain(row) for row in conn.execute(query).mappings()]
