"""Migrate: bring a database to the tables of this program.

Takes a URL, gives the revisions that were applied: none where it was up to date. All of them are one
transaction, on both databases; two programs that start at once migrate one after the other. Never goes
back: a release that has to be undone is undone by the next migration.
"""

from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from gateway.store.engine import open_store
from gateway.store.revision import MIGRATIONS, find_revision, newest_revision, refuse_newer


def migrate(url: str) -> list[str]:
    """Apply what is missing; gives the ids of the revisions. Raises StoreBusy and BadSetting."""
    store = open_store(url, is_migrating=True)
    try:
        with store.writing() as connection:
            return _upgrade(connection)
    finally:
        store.close()


def configuration(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> list[str]:
    found = find_revision(connection)
    refuse_newer(found)
    if found == newest_revision():
        return []
    config = configuration(connection)
    applied: list[str] = []

    def note(step: Any, **_: Any) -> None:
        applied.append(step.up_revision_id)

    config.attributes["on_version_apply"] = note
    command.upgrade(config, "head")
    return applied
