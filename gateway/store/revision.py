"""Revision: is the database the one that this program speaks of?

Takes a connection, raises BadSetting where the tables are not there, are older, or are newer than the
program. Never changes anything: `migrate` does.
"""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gateway.errors import BadSetting

MIGRATIONS = Path(__file__).parent / "migrations"
_WAY_OUT = "run `hookwright migrate`, or start `hookwright up`, which does it by itself"


@cache
def newest_revision() -> str:
    """Give the newest migration of this program, by the names of the files: Alembic would take long to say it."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def check_revision(connection: Connection) -> None:
    """Raises BadSetting unless the database is at the newest migration of this program."""
    found = find_revision(connection)
    if found is None:
        raise BadSetting(f"the database has no tables of Hookwright yet: {_WAY_OUT}")
    if found < newest_revision():
        raise BadSetting(f"the database is of an older Hookwright ({found} of {newest_revision()}): {_WAY_OUT}")
    refuse_newer(found)


def refuse_newer(found: str | None) -> None:
    """Raises BadSetting for a database whose last migration this program does not know."""
    if found is not None and found > newest_revision():
        raise BadSetting(
            f"the database is of a newer Hookwright ({found}; this one knows {newest_revision()}): "
            "start the version of the program that has migrated it"
        )


def find_revision(connection: Connection) -> str | None:
    """Give the newest migration that the database has had, None where there was none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
