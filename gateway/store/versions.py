"""Versions: immutable texts of a source's script, numbered 1, 2, 3 …"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gateway.errors import NotFound
from gateway.store import dialect
from gateway.store.rows import plain
from gateway.store.tables import versions

# Fewer than the largest number of a column has: more is the number of no version.
_DIGITS_MAX = 10


def insert_version(conn: Connection, row: dict[str, Any]) -> int:
    """Write a new version and give its number. Nobody else writes beside, so it is unique."""
    newest = conn.execute(select(func.max(versions.c.number)).where(versions.c.source == row["source"])).scalar()
    number = (newest or 0) + 1
    conn.execute(insert(versions).values(number=number, **row))
    return number


def load_version(conn: Connection, source: str, name: str) -> dict[str, Any]:
    """Give a version by id, or by number within its source. Raises NotFound."""
    is_number = name.isdecimal() and len(name) < _DIGITS_MAX
    found = versions.c.number == int(name) if is_number else versions.c.id == name
    row = conn.execute(select(versions).where(versions.c.source == source, found)).mappings().first()
    if row is None:
        raise NotFound(f'source "{source}" has no version {name}: see `hookwright scripts log {source}`')
    return plain(row)


def list_versions(conn: Connection, source: str) -> list[dict[str, Any]]:
    """Give the versions of a source, newest first, without their texts."""
    columns = [column for column in versions.c if column.name != "text"]
    rows = conn.execute(select(*columns).where(versions.c.source == source).order_by(versions.c.number.desc()))
    return [plain(row) for row in rows.mappings()]


def find_versions(conn: Connection, version_ids: Collection[str]) -> dict[str, int]:
    """Give the numbers of those of the versions that there are, by id."""
    if not version_ids:
        return {}
    rows = conn.execute(
        select(versions.c.id, versions.c.number).where(dialect.one_of(conn, versions.c.id, version_ids))
    )
    return {row.id: row.number for row in rows}


def mark_published(conn: Connection, version_id: str, published_at: int) -> None:
    conn.execute(update(versions).where(versions.c.id == version_id).values(published_at=published_at))
