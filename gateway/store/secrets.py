"""Secrets: named values of a source, sealed. This room never sees one open."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gateway.store.rows import plain
from gateway.store.tables import secrets


def find_secret(conn: Connection, source: str, name: str) -> dict[str, Any] | None:
    row = conn.execute(select(secrets).where(secrets.c.source == source, secrets.c.name == name)).mappings().first()
    return plain(row) if row else None


def write_secret(conn: Connection, row: dict[str, Any]) -> None:
    """Write a secret, in place of the one of that name."""
    conn.execute(delete(secrets).where(secrets.c.source == row["source"], secrets.c.name == row["name"]))
    conn.execute(insert(secrets).values(**row))


def list_secrets(conn: Connection, source: str) -> list[dict[str, Any]]:
    """Name the secrets of a source and when each was set; never the values, sealed or open."""
    rows = conn.execute(
        select(secrets.c.name, secrets.c.changed_at).where(secrets.c.source == source).order_by(secrets.c.name)
    )
    return [plain(row) for row in rows.mappings()]
