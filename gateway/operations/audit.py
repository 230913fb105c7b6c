"""Audit: read what people did, newest first."""

from typing import Any

import orjson

from gateway import clock
from gateway.operations.operator import Operator
from gateway.store import audit as rows

PAGE = 50


async def list_audit(
    op: Operator, *, actor: str = "", operation: str = "", subject: str = "", before_id: int = 0
) -> tuple[list[dict[str, Any]], int | None]:
    """Give a page of audit rows and the id to go on below, None at the end."""
    chosen = {"actor": actor, "operation": operation, "subject": subject}
    found = await op.read(lambda conn: rows.list_audit(conn, **chosen, before_id=before_id, limit=PAGE + 1))
    page = [
        {**row, "at": clock.iso(row["at"]), "before": _value(row["before"]), "after": _value(row["after"])}
        for row in found[:PAGE]
    ]
    return page, (page[-1]["id"] if len(found) > PAGE else None)


def _value(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
