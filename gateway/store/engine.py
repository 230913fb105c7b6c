"""Engine: the door to the database. Everything that is read or written goes through one of three.

Takes a URL, gives a Store: `reading` is a snapshot, `writing` a transaction that is all or nothing,
`applying` the one writing transaction that may change the ledger at this moment. SQLAlchemy's errors
are translated here: StoreBusy passes by itself; an IntegrityError stays what it is, for the writer
to find the row that causes it. Never waits longer than the busy timeout.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, StaticPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from gateway.errors import StoreBusy
from gateway.store import dialect

__all__ = ["Connection", "IntegrityError", "Store", "open_store"]


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a snapshot. Raises StoreBusy."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction: committed at the end, rolled back by any exception. Raises StoreBusy."""
        with _translated(), self.engine.connect() as connection:
            writer = connection.execution_options(**{dialect.IS_WRITING: True})
            with writer.begin():
                yield writer

    @contextmanager
    def applying(self) -> Iterator[Connection]:
        """Give a transaction that nobody else applies beside. Raises StoreBusy."""
        with self.writing() as connection:
            with _translated():
                dialect.lock_applying(connection)
            yield connection

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolExhausted as error:
        raise StoreBusy("every connection to the database is in use") from error
    except DBAPIError as error:
        if dialect.is_busy(error):
            raise StoreBusy(f"the database is busy or away: {type(error.orig).__name__}") from error
        raise


def open_store(url: str) -> Store:
    """Open sqlite:///path or postgresql+psycopg://…; an SQLite file is made if it is not there, mode 0600."""
    parsed = make_url(url)
    dialect.prepare(parsed)
    if dialect.is_sqlite(parsed) and not dialect.is_file(parsed):
        # A database in memory lives as long as its one connection.
        engine = create_engine(
            parsed, hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
    else:
        engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=not dialect.is_sqlite(parsed))
    dialect.settle(engine)
    return Store(engine)
