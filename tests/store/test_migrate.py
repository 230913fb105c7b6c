"""Migrations bring a database to the tables that the program speaks of."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway.store.engine import open_store
from gateway.store.migrate import migrate
from gateway.store.tables import metadata


def test_the_migrations_give_exactly_the_tables_of_the_program(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    migrate(url)
    store = open_store(url)
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


def test_migrations_write_the_same_ddl_as_the_tables(tmp_path: Path) -> None:
    """What Alembic does not compare (partial indexes, tables without rowid) is compared as text."""
    migrated, created = open_store(f"sqlite:///{tmp_path}/migrated.db"), open_store(f"sqlite:///{tmp_path}/created.db")
    migrate(f"sqlite:///{tmp_path}/migrated.db")
    with created.writing() as connection:
        metadata.create_all(connection)
    ddl = []
    for store in (migrated, created):
        with store.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version' ORDER BY name"
            )
            ddl.append({name: " ".join(sql.replace('"', "").split()).replace("( ", "(") for name, sql in rows})
        store.close()
    assert ddl[0] == ddl[1]


def test_migrating_says_what_it_applied_and_nothing_the_second_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    assert migrate(url) == ["0001"]
    assert migrate(url) == []
