"""Trouble: what the errors of the two databases mean to us.

Takes an error of SQLAlchemy, says whether it passes by itself, and what is wrong with an address by which
nothing has worked yet. Never gives more of an error's words than its first line: that one holds no data.
"""

from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

_SQLITE_WRONG = {
    "SQLITE_CANTOPEN": "it cannot be opened: is the path right, and may this user read and write there?",
    "SQLITE_READONLY": "it cannot be written: this user needs to write the file and its folder",
    "SQLITE_NOTADB": "the file is no SQLite database",
}
_SQLITE_BUSY = tuple(
    f"SQLITE_{name}" for name in ("BUSY", "LOCKED", "FULL", "IOERR", "NOMEM", "PROTOCOL", "CANTOPEN", "READONLY")
)
# connection · a writer that was idle for too long · a server that only reads (a replica that takes over)
# transaction rollback (deadlock) · resources (disk full) · object state (lock) · operator, shutdown · its disk
_POSTGRESQL_BUSY = ("08", "25P03", "25006", "40", "53", "55", "57", "58")
_NOT_ALLOWED = "42501"
# What a server answers to who is not let in: it has no code for us before the connection stands.
_POSTGRESQL_WRONG = {
    "password authentication failed": "the user or the password is wrong",
    "no password supplied": "it asks for a password",
    "no pg_hba.conf entry": "it does not let this user in from here (pg_hba.conf)",
    "permission denied": "this user may not use it",
    "invalid connection option": "an option behind the ? is none of PostgreSQL's",
    "invalid sslmode": "there is no such sslmode",
    "does not exist": "there is no such database, or no such user: create it, or mend the name",
    "does not support SSL": "it does not speak TLS: take sslmode away, or switch TLS on there",
}


def is_busy(error: DBAPIError) -> bool:
    """Tell what passes by itself (a lock, a full disk, a lost connection) from what would fail again."""
    if error.connection_invalidated:
        return True
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_SQLITE_BUSY)
    code = getattr(error.orig, "sqlstate", None)
    if code is None:
        return isinstance(error, OperationalError)
    return str(code).startswith(_POSTGRESQL_BUSY)


def what_is_wrong(error: DBAPIError, url: URL) -> str | None:
    """Say what is wrong with an address by which nothing has worked yet; None where it may be right."""
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is None:
        is_let_in = getattr(error.orig, "sqlstate", None) not in (None, _NOT_ALLOWED)
        words_of = _POSTGRESQL_WRONG.items()
        return None if is_let_in else next((why for words, why in words_of if words in str(error.orig)), None)
    if str(name).startswith("SQLITE_CANTOPEN") and not Path(url.database or "").exists():
        return "there is no such file: run `hookwright migrate`, start `hookwright up`, or mend the path"
    return next((why for begin, why in _SQLITE_WRONG.items() if str(name).startswith(begin)), None)


def first_line(error: DBAPIError) -> str:
    return (str(error.orig).splitlines() or [type(error.orig).__name__])[0]
