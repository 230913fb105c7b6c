"""PostgreSQL: how it is connected, so that neither side ever waits for ever for the other.

Takes what SQLAlchemy would give the driver, gives a connection with its time limits set. The server ends a
statement that takes too long and a transaction that does nothing; a server that has stopped keeps no time,
so we hang up on it ourselves. Imported only by who uses it: the driver takes its time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

# For one statement, a lock included. A batch of a thousand events takes a tenth of it.
STATEMENT_SECONDS = 60
# A server that has stopped keeps no time of its own: then we hang up.
ANSWER_SECONDS: float = 70
CONNECT_SECONDS = 10

# Kept by every connection. Plans are made for the values at hand: one that was made while a table was empty would
# be kept when it is not. The last three are the server's: a writer that has gone away must not hold the lock.
SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",
    "tcp_keepalives_idle": "30",
    "tcp_user_timeout": f"{STATEMENT_SECONDS}s",
}
ARGUMENTS = {
    "application_name": "hookwright",
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # Nothing is kept in a connection between two transactions: a pooler may stand between.
    "prepare_threshold": None,
}


class _Patient(psycopg.Connection[Any]):
    """A connection that hangs up on a server that has stopped, and says of an error what it is, not what it holds."""

    answer_seconds: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.Error as error:
            if error.diag.message_primary:
                error.args = (error.diag.message_primary,)  # the detail below it repeats the row
            # Where the server has answered, many statements at once are on their way: what follows is still to be read.
            if error.sqlstate is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


def connect(
    arguments: Sequence[Any], options: Mapping[str, Any], *, lock_seconds: float, is_migrating: bool
) -> psycopg.Connection[Any]:
    """Connect; what the address says counts more than what we would say. Who migrates may take its time."""
    connection = _Patient.connect(*arguments, **{**ARGUMENTS, **options}, autocommit=True)
    connection.answer_seconds = None if is_migrating else ANSWER_SECONDS
    settings = SETTINGS | {"lock_timeout": f"{lock_seconds * 1000:.0f}ms"}
    if is_migrating:
        settings["statement_timeout"] = "0"
    connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()).encode())
    connection.autocommit = False
    return connection
