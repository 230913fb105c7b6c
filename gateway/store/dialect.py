"""Dialect: the few things that SQLite and PostgreSQL say differently, and nothing else.

Takes a connection, gives SQL that its database understands. All other modules of the store write
SQLAlchemy Core that both take as it is.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Engine, Table, bindparam, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from gateway.store.documents import dump

BUSY_TIMEOUT_SECONDS = 30
IS_WRITING = "is_writing"
# Any number that no other program takes in the same database: it names "who applies now".
_APPLYING = 7_346_001_934

_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_PROTOCOL")
# connection · transaction rollback (deadlock) · resources (disk full) · object state (lock) · operator, shutdown
_POSTGRESQL_BUSY = ("08", "40", "53", "55", "57")


def prepare(url: URL) -> None:
    """Create the database file for its owner only; SQLite gives its -wal and -shm files the same mode."""
    if is_file(url):
        assert url.database
        os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def is_file(url: URL) -> bool:
    return is_sqlite(url) and url.database not in (None, "", ":memory:")


def settle(engine: Engine) -> None:
    """Take transactions out of the driver's hands: it would begin them late, and never IMMEDIATE."""
    if not is_sqlite(engine.url):
        return
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(IS_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def lock_applying(connection: Connection) -> None:
    """Let one transaction apply at a time. On SQLite BEGIN IMMEDIATE has done that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_APPLYING)))


def is_busy(error: DBAPIError) -> bool:
    """Tell what passes by itself (a lock, a full disk, a lost connection) from what would fail again."""
    if error.connection_invalidated:
        return True
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_SQLITE_BUSY)
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_POSTGRESQL_BUSY)


def one_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Say `column IN values` with one parameter: any number of values, one statement in the cache."""
    if connection.dialect.name == "postgresql":
        return column == func.any(bindparam(None, list(values), type_=ARRAY(column.type)))
    each = func.json_each(dump(list(values))).table_valued("value")
    return column.in_(select(each.c.value))


def insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write whole rows by primary key: the columns that the first row names, in all rows alike."""
    if not rows:
        return
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    news = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if news:
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=news), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)


def delete_one_of(connection: Connection, column: Column[Any], values: Iterable[Any]) -> None:
    doomed = list(values)
    if doomed:
        connection.execute(column.table.delete().where(one_of(connection, column, doomed)))
