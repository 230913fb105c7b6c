"""Fixtures: requests that people have kept for trying a source's script, byte for byte."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.errors import Conflict, NotFound
from gateway.store.rows import plain
from gateway.store.workbench import fixtures


def list_fixtures(connection: Connection, source: str) -> list[dict[str, Any]]:
    rows = connection.execute(select(fixtures).where(fixtures.c.source == source).order_by(fixtures.c.name))
    return [plain(row) for row in rows.mappings()]


def find_fixture(connection: Connection, source: str, name: str) -> dict[str, Any] | None:
    is_this = (fixtures.c.source == source) & (fixtures.c.name == name)
    row = connection.execute(select(fixtures).where(is_this)).mappings().first()
    return plain(row) if row else None


def insert_fixture(connection: Connection, row: dict[str, Any]) -> None:
    """Write a fixture. Raises Conflict where the source has one of that name."""
    _refuse_taken(connection, row["source"], row["name"])
    connection.execute(insert(fixtures).values(**row))


def rename_fixture(connection: Connection, source: str, name: str, new_name: str) -> None:
    """Raises NotFound, Conflict."""
    _refuse_taken(connection, source, new_name)
    is_this = (fixtures.c.source == source) & (fixtures.c.name == name)
    if connection.execute(update(fixtures).where(is_this).values(name=new_name)).rowcount == 0:
        raise NotFound(f'source "{source}" has no fixture "{name}" of its own')


def delete_fixture(connection: Connection, source: str, name: str) -> None:
    """Raises NotFound."""
    is_this = (fixtures.c.source == source) & (fixtures.c.name == name)
    if connection.execute(delete(fixtures).where(is_this)).rowcount == 0:
        raise NotFound(f'source "{source}" has no fixture "{name}" of its own')


def _refuse_taken(connection: Connection, source: str, name: str) -> None:
    if find_fixture(connection, source, name) is not None:
        raise Conflict(f'source "{source}" has a fixture "{name}": choose another name, or remove that one')
