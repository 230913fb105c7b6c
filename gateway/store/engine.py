"""Engine: the door to the database. Everything that is read or written goes through one of two.

Takes an address, gives a Store: `reading` is a snapshot, `writing` a transaction that is all or nothing, and
the only one that writes at this moment, of all processes: what it has read is true until it commits. The
databases' own errors are translated here: BadSetting while nothing has worked yet and the address itself is
wrong, StoreBusy for what passes by itself; an IntegrityError stays what it is, for the writer to find the
row that causes it. Never waits for ever: not for a lock, not for a server that has stopped.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from gateway.errors import BadSetting, StoreBusy
from gateway.store import dialect
from gateway.store.address import SETTING, read_address, shown
from gateway.store.revision import check_revision
from gateway.store.trouble import first_line, is_busy, what_is_wrong

__all__ = ["Connection", "IntegrityError", "Store", "open_store"]

# The threads of a process that ask the database at once: the writer, the registry, a sweep, some requests.
CONNECTIONS_KEPT, CONNECTIONS_MORE = 4, 8
# Then somebody holds them all: the caller hears it while it still matters to it.
FREE_CONNECTION_SECONDS = 10


class Store:
    def __init__(self, engine: Engine, *, is_migrating: bool = False) -> None:
        self.engine = engine
        self._readers = engine.execution_options(**dialect.reading_options(engine.url))
        self._writers = engine.execution_options(**dialect.writing_options(engine.url))
        # Nothing is known of the address until a transaction has found the tables behind it.
        self._is_known = self._is_migrating = is_migrating

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a snapshot. Raises StoreBusy; BadSetting until it has worked once."""
        return self._transaction(self._readers)

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a transaction that nobody else writes beside: committed at the end, rolled back by any exception.

        Raises as `reading` does.
        """
        return self._transaction(self._writers)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with self._translated(), engine.begin() as connection:
            if not self._is_known:
                check_revision(connection)
                self._is_known = True
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolExhausted as error:
            raise StoreBusy("every connection to the database is in use") from error
        except DBAPIError as error:
            if (not self._is_known or self._is_migrating) and (why := what_is_wrong(error, self.engine.url)):
                raise BadSetting(f"{SETTING}, the database {shown(self.engine.url)}: {why}") from None
            if is_busy(error):
                place = shown(self.engine.url)
                raise StoreBusy(f"the database {place} is busy or away: {first_line(error)}") from error
            raise

    def close(self) -> None:
        self.engine.dispose()


def open_store(address: str, *, is_migrating: bool = False) -> Store:
    """Open the database of an address; it is connected when it is first asked. Raises BadSetting.

    Who migrates makes the file of SQLite, and may take its time; all others find a migrated database.
    """
    url = read_address(address)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MORE,
        pool_timeout=FREE_CONNECTION_SECONDS,
    )
    dialect.settle(engine, is_migrating=is_migrating)
    return Store(engine, is_migrating=is_migrating)
