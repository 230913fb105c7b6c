"""Keys: API keys, known by their SHA-256 alone. 32 random bytes need no slow hash."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.errors import NotFound
from gateway.store.rows import plain
from gateway.store.tables import keys


def insert_key(conn: Connection, row: dict[str, Any]) -> None:
    conn.execute(insert(keys).values(**row))


def list_keys(conn: Connection) -> list[dict[str, Any]]:
    """Give all keys, also revoked ones, without their hashes."""
    columns = [column for column in keys.c if column.name != "sha256"]
    return [plain(row) for row in conn.execute(select(*columns).order_by(keys.c.id)).mappings()]


def find_key(conn: Connection, digest: str) -> dict[str, Any] | None:
    """Give the key in force that has this SHA-256."""
    row = conn.execute(select(keys).where(keys.c.sha256 == digest, keys.c.revoked_at.is_(None))).mappings().first()
    return plain(row) if row else None


def revoke_key(conn: Connection, key_id: str, revoked_at: int) -> None:
    """End a key. Raises NotFound for one that is not there or is revoked already."""
    changed = conn.execute(
        update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=revoked_at)
    )
    if changed.rowcount == 0:
        raise NotFound(f"there is no key {key_id} in force")
