"""Secrets: named values of a source, sealed. This room never sees one open."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.rows import plain
from gateway.store.tables import secrets


def find_secret(conn: Connection, source: str, name: str) -> dict[str, Any] | None:
    row = conn.execute(select(secrets).where(secrets.c.source == source, secrets.c.name == name)).mappings().first()
    return plain(row) if row else None


def write_secret(conn: Connection, row: dict[str, Any]) -> None:
    """Write a secret, in place of the one of that name."""
    conn.execute(delete(secrets).where(secrets.c.source == row["source"], secrets.c.name == row["name"]))
    conn.execute(insert(secrets).values(**row))


def delete_secret(conn: Connection, source: str, name: str) -> bool:
    """Take a secret away; False where there was none."""
    return conn.execute(delete(secrets).where(secrets.c.source == source, secrets.c.name == name)).rowcount > 0


def update_secret(conn: Connection, source: str, name: str, **values: Any) -> None:
    conn.execute(update(secrets).where(secrets.c.source == source, secrets.c.name == name).values(**values))


def list_secrets(conn: Connection, source: str) -> list[dict[str, Any]]:
    """Name the secrets of a source and when each was set and rotated; never the values, sealed or open."""
    columns = (secrets.c[name] for name in ("name", "changed_at", "rotated_at", "previous_until"))
    rows = conn.execute(select(*columns).where(secrets.c.source == source).order_by(secrets.c.name))
    return [plain(row) for row in rows.mappings()]


def load_all_secrets(conn: Connection) -> list[dict[str, Any]]:
    """Give the secrets of all sources as they are sealed."""
    rows = conn.execute(select(secrets).order_by(secrets.c.source, secrets.c.name))
    return [plain(row) for row in rows.mappings()]


def forget_previous(conn: Connection, now: int) -> int:
    """Delete the values from before rotations that count no more; gives how many."""
    is_over = secrets.c.previous_until <= now
    return conn.execute(update(secrets).where(is_over).values(previous_blob=None, previous_until=None)).rowcount
