"""Filters: searches of events that a person has given a name."""

from typing import Any

from sqlalchemy import Connection, delete, select

from gateway.store import dialect
from gateway.store.rows import plain
from gateway.store.workbench import saved_filters


def list_filters(connection: Connection, owner: str) -> list[dict[str, Any]]:
    columns = (saved_filters.c.name, saved_filters.c.query, saved_filters.c.created_at)
    rows = connection.execute(
        select(*columns).where(saved_filters.c.owner == owner).order_by(saved_filters.c.name)
    ).mappings()
    return [plain(row) for row in rows]


def write_filter(connection: Connection, row: dict[str, Any]) -> None:
    """Keep a filter, in place of the owner's one of that name."""
    dialect.upsert(connection, saved_filters, [row])


def delete_filter(connection: Connection, owner: str, name: str) -> bool:
    """Gives whether there was one."""
    is_this = (saved_filters.c.owner == owner) & (saved_filters.c.name == name)
    return connection.execute(delete(saved_filters).where(is_this)).rowcount > 0
