"""Copies: a large database in little time.

Takes a store where the first `SAMPLE` numbered events were applied by the worker's own code; copies all rows
that they left, as often as wanted, each copy with numbers of its own: in ids, identifiers, clocks and
documents, wherever the number of an event or a person stands. Bodies, which nothing looks into, are copied
as they are. It knows no table by name: what has a number in it is copied.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Connection, String, Table, text

from gateway.store.engine import Store
from gateway.store.tables import contacts, metadata

SAMPLE = 1_000
COPIES_AT_ONCE = 25
_MARK = "77777"  # digits, since e-mails are lower-cased; more of them than the times of the sample have in a row
_MARKED = "_sample"


def numeral(number: int) -> str:
    """Write a number so that it is found again in any text: its copy in four digits, then its place in the sample."""
    return f"{_begin(number // SAMPLE)}{number % SAMPLE:03}"


def _begin(copy: int) -> str:
    return f"{_MARK}{copy:04}"


def take_sample(store: Store) -> list[Table]:
    """Put the rows of the sample aside; give the tables that have some."""
    with store.writing() as connection:
        return [table for table in metadata.sorted_tables if _put_aside(connection, table)]


def _put_aside(connection: Connection, table: Table) -> bool:
    name = f"{table.name}{_MARKED}"
    texts = [column.name for column in table.columns if isinstance(column.type, String)]
    is_numbered = " OR ".join(f"{column} LIKE '%{_begin(0)}%'" for column in texts) or "1 = 0"
    connection.execute(text(f"CREATE TABLE {name} AS SELECT * FROM {table.name} WHERE {is_numbered}"))
    return bool(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())


def write_copies(store: Store, tables: Iterable[Table], first: int, end: int) -> None:
    """Write the copies from the first to the end (without it); the sample itself is copy 0."""
    statements = [text(_statement(table)) for table in tables]
    for start in range(first, end, COPIES_AT_ONCE):
        with store.writing() as connection:
            highest = connection.execute(text(f"SELECT max(id) FROM {contacts.name}")).scalar_one()
            for copy in range(start, min(start + COPIES_AT_ONCE, end)):
                for statement in statements:
                    connection.execute(statement, {"old": _begin(0), "new": _begin(copy), "shift": highest})
                highest += SAMPLE


def _statement(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(_value(column) for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name}{_MARKED}"


def _value(column: Column[object]) -> str:
    if column.name == "contact_id" or column is contacts.c.id:
        return f"{column.name} + :shift"
    if isinstance(column.type, String):
        return f"replace({column.name}, :old, :new)"
    return column.name
