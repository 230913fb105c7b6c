"""Address: what HOOKWRIGHT_DATABASE_URL names.

Takes the text of the setting, gives SQLAlchemy's URL of one of the two databases, or BadSetting that says
how the setting is written. Never repeats a password: what is shown of an address is its host and name.
"""

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from gateway.errors import BadSetting

SETTING = "HOOKWRIGHT_DATABASE_URL"
_FORMS = "write sqlite:////path/to/file.db or postgresql://user:password@host:5432/name"
_SQLITE, _POSTGRESQL = "sqlite", "postgresql+psycopg"
# People paste what their provider shows; there is one driver for each of the two.
_DRIVERS = {
    "sqlite": _SQLITE,
    "sqlite+pysqlite": _SQLITE,
    "postgres": _POSTGRESQL,
    "postgresql": _POSTGRESQL,
    "postgresql+psycopg": _POSTGRESQL,
}


def read_address(text: str) -> URL:
    """Read the setting. Raises BadSetting."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):  # their words repeat parts of the address
        raise BadSetting(f"{SETTING} is no address of a database: {_FORMS}") from None
    if url.drivername not in _DRIVERS:
        raise BadSetting(f"{SETTING} begins with {url.drivername}://, which Hookwright does not speak: {_FORMS}")
    if not url.database or url.database == ":memory:":
        raise BadSetting(f"{SETTING} names no {'file' if is_sqlite(url) else 'database'}: {_FORMS}")
    if is_sqlite(url) and url.query:
        raise BadSetting(f"{SETTING}: the address of an SQLite file has no options behind a ?")
    if "@" in (url.host or ""):
        raise BadSetting(f"{SETTING}: an @ in the password is written %40 (and / %2F, : %3A, # %23, ? %3F)")
    return url.set(drivername=_DRIVERS[url.drivername])


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def shown(url: URL) -> str:
    """Say which database is meant, without who asks and by which password."""
    if is_sqlite(url):
        return str(url.database)
    hosts = url.host or url.query.get("host") or "this machine"
    return f'"{url.database}" on {hosts if isinstance(hosts, str) else ", ".join(hosts)}'
