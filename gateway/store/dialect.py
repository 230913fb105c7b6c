"""Dialect: the few things that SQLite and PostgreSQL say differently, and nothing else.

Takes a connection, gives SQL that its database understands; takes an engine, and settles how it connects and
how its transactions begin. All other modules of the store write SQLAlchemy Core that both take as it is.
What is odd in a text is the same to both: it is cleaned here, on its way in.
"""

import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.types import TypeEngine

from gateway.store.address import is_sqlite
from gateway.store.documents import clean, dump, is_clean

# For a lock that somebody else holds.
BUSY_TIMEOUT_SECONDS: float = 30
_WAL_PAUSE_SECONDS = 0.005
IS_WRITING = "is_writing"
# Any number that no other program takes in the same database: it names "who writes now".
_WRITER = 7_346_001_934

_ARRAYS: dict[type[TypeEngine[Any]], str] = {
    String: "text[]",
    Integer: "bigint[]",
    Boolean: "boolean[]",
    LargeBinary: "bytea[]",
}


def settle(engine: Engine, *, is_migrating: bool = False) -> None:
    """Say how connections are made and how transactions begin."""
    if is_sqlite(engine.url):
        event.listen(engine, "do_connect", _make_file if is_migrating else _find_file)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "do_connect", partial(_connect, is_migrating=is_migrating))
        event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "before_cursor_execute", _clean_parameters, retval=True)


def reading_options(url: URL) -> dict[str, Any]:
    return {} if is_sqlite(url) else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def writing_options(url: URL) -> dict[str, Any]:
    """Who has waited for the lock must see what was committed meanwhile: each statement looks anew."""
    return {IS_WRITING: True} | ({} if is_sqlite(url) else {"isolation_level": "READ COMMITTED"})


def _make_file(_dialect: object, _record: object, arguments: Sequence[str], _: Mapping[str, Any]) -> None:
    """Make the file for its owner only; SQLite gives its -wal and -shm files the same mode."""
    with suppress(OSError):  # SQLite meets it too, and says it in its own way
        os.close(os.open(arguments[0], os.O_CREAT | os.O_RDWR, 0o600))


def _find_file(_dialect: object, _record: object, arguments: list[str], options: dict[str, Any]) -> None:
    """Open the file that is there: an address with a slip in it must not leave an empty one behind."""
    arguments[0] = f"file:{quote(arguments[0])}?mode=rw"
    options["uri"] = True


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")
    _write_ahead(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:
    """Keep the log in a -wal file, from the first who says so on.

    That one needs a new or restored file to itself for a moment. Where another one writes, or says the same, SQLite
    refuses it at once, whatever its busy_timeout.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)


def _begin_sqlite(connection: Connection) -> None:
    """Take transactions out of the driver's hands: it would begin them late, and never IMMEDIATE."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _is_writing(connection) else "BEGIN")


def _connect(
    _dialect: object, _record: object, arguments: Sequence[Any], options: Mapping[str, Any], *, is_migrating: bool
) -> Any:
    from gateway.store.postgresql import connect

    return connect(arguments, options, lock_seconds=BUSY_TIMEOUT_SECONDS, is_migrating=is_migrating)


def _begin_postgresql(connection: Connection) -> None:
    """Let one transaction write at a time, of all processes, as BEGIN IMMEDIATE does: it begins with the lock."""
    if _is_writing(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_WRITER)))


def _is_writing(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(IS_WRITING, False))


def _clean_parameters(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, is_many: bool
) -> tuple[str, Any]:
    """Write and look up what is no text to a database as what stands for it: both then give the same answers."""
    rows = parameters if is_many else (parameters,)
    if is_clean("".join(value for row in rows for value in _values(row) if isinstance(value, str))):
        return statement, parameters
    cleaned = [_cleaned(row) for row in rows]
    return statement, cleaned if is_many else cleaned[0]


def _values(row: Any) -> Iterable[Any]:
    return row.values() if isinstance(row, Mapping) else row


def _cleaned(row: Any) -> Any:
    if isinstance(row, Mapping):
        return dict(zip(row, _all_clean(row.values()), strict=True))
    return tuple(_all_clean(row))


def _all_clean(values: Iterable[Any]) -> list[Any]:
    return [clean(value) if isinstance(value, str) else value for value in values]


def one_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Say `column IN values` with one parameter: any number of values, one statement in the cache."""
    values = _all_clean(values)
    if connection.dialect.name == "postgresql":
        return column == func.any(bindparam(None, values, type_=ARRAY(column.type)))
    each = func.json_each(dump(values)).table_valued("value")
    return column.in_(select(each.c.value))


def insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new rows: the columns that the first one names, in all rows alike."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _write_columns(connection, table, rows)
    else:
        connection.execute(table.insert(), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write whole rows by primary key, which no two of them share; else as `insert_rows`."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    news = [name for name in rows[0] if name not in keys]
    if connection.dialect.name == "postgresql":
        changes = ", ".join(f"{name} = excluded.{name}" for name in map(_quoted, news))
        on_conflict = f"DO UPDATE SET {changes}" if news else "DO NOTHING"
        _write_columns(connection, table, rows, f" ON CONFLICT ({', '.join(map(_quoted, keys))}) {on_conflict}")
        return
    statement = sqlite.insert(table)
    if news:
        changes_there = {name: statement.excluded[name] for name in news}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes_there), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)


def _write_columns(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], on_conflict: str = ""
) -> None:
    """Send each column as one array, in binary: a third of what an answer for each row costs both sides."""
    names = list(rows[0])
    arrays = ", ".join(f"%({name})b::{_array_of(table.c[name])}" for name in names)
    columns = ", ".join(map(_quoted, names))
    statement = f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays}){on_conflict}"  # noqa: S608 - our own names
    connection.exec_driver_sql(statement, {name: _column(rows, name) for name in names})


def _array_of(column: Column[Any]) -> str:
    return next(name for kind, name in _ARRAYS.items() if isinstance(column.type, kind))


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    values = [row[name] for row in rows]
    is_all_clean = is_clean("".join(value for value in values if isinstance(value, str)))
    return values if is_all_clean else _all_clean(values)


def _quoted(name: str) -> str:
    return f'"{name}"'


def overwrite_deleted(connection: Connection) -> None:
    """Let what this connection deletes be overwritten on the disk; PostgreSQL does so when it vacuums."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def delete_one_of(connection: Connection, column: Column[Any], values: Iterable[Any]) -> None:
    doomed = list(values)
    if doomed:
        connection.execute(column.table.delete().where(one_of(connection, column, doomed)))
