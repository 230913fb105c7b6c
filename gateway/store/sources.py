"""Sources: rows of one sender each. Names are never reused: a removed source keeps its row."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.errors import Conflict, NotFound
from gateway.store.rows import plain
from gateway.store.tables import sources


def find_source(conn: Connection, name: str) -> dict[str, Any] | None:
    """Give the source's row, None for one that never was or is removed."""
    row = conn.execute(select(sources).where(sources.c.name == name, sources.c.state != "removed")).mappings().first()
    return plain(row) if row else None


def load_source(conn: Connection, name: str) -> dict[str, Any]:
    """Give the source's row. Raises NotFound."""
    row = find_source(conn, name)
    if row is None:
        raise NotFound(f'there is no source "{name}"')
    return row


def list_sources(conn: Connection) -> list[dict[str, Any]]:
    rows = conn.execute(select(sources).where(sources.c.state != "removed").order_by(sources.c.name)).mappings()
    return [plain(row) for row in rows]


def find_redaction(conn: Connection, name: str) -> str | None:
    """Give the rules of a source, also of a removed one: its requests are still there."""
    return conn.scalar(select(sources.c.redaction).where(sources.c.name == name))


def insert_source(conn: Connection, row: dict[str, Any]) -> None:
    """Write a new source. Raises Conflict for a name that is or was taken."""
    state = conn.execute(select(sources.c.state).where(sources.c.name == row["name"])).scalar()
    if state is not None:
        was = "was removed, and names are never used twice" if state == "removed" else "exists"
        raise Conflict(f'source "{row["name"]}" {was}: choose another name')
    conn.execute(insert(sources).values(**row))


def update_source(conn: Connection, name: str, changed_at: int, **values: Any) -> None:
    conn.execute(update(sources).where(sources.c.name == name).values(changed_at=changed_at, **values))
