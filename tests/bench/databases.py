"""Databases: an empty database of each kind, where a commit is on disk.

Takes the name of a kind, gives a URL for as long as it is measured; SQLite's is empty: the data folder's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import run_postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
TITLES = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Give the URL of a new database; PostgreSQL runs a server for it, with fsync."""
    if kind == SQLITE:
        yield ""
        return
    with run_postgres(is_durable=True) as server, server.database(is_migrated=False) as url:
        yield url
