"""Drafts: the text of a source's script that is saved and not published; one a source."""

from typing import Any

from sqlalchemy import Connection, delete, select

from gateway.store import dialect
from gateway.store.rows import plain
from gateway.store.workbench import drafts


def find_draft(connection: Connection, source: str) -> dict[str, Any] | None:
    row = connection.execute(select(drafts).where(drafts.c.source == source)).mappings().first()
    return plain(row) if row else None


def write_draft(connection: Connection, row: dict[str, Any]) -> None:
    dialect.upsert(connection, drafts, [row])


def delete_draft(connection: Connection, source: str) -> None:
    connection.execute(delete(drafts).where(drafts.c.source == source))
