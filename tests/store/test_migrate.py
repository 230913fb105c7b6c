"""Migrations bring a database to the tables that the program speaks of."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import fresh_database
from sqlalchemy import text

from gateway.errors import BadSetting
from gateway.store.engine import Store
from gateway.store.migrate import migrate
from gateway.store.people_tables import metadata
from gateway.store.revision import MIGRATIONS, newest_revision

Open = Callable[..., Store]


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    with fresh_database(kind, request, is_migrated=False) as url:
        yield url


def test_the_newest_revision_is_what_alembic_says() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_the_migrations_give_exactly_the_tables_of_the_program(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_write_the_same_ddl_as_the_tables(store_url: str, empty_url: str, opened: Open) -> None:
    """What Alembic does not compare (partial indexes, tables without rowid, collations) is compared as text."""
    created = opened(empty_url, is_migrating=True)
    with created.writing() as connection:
        metadata.create_all(connection)
    migrated = opened(store_url)
    assert ddl(migrated) == ddl(created)


def ddl(store: Store) -> dict[str, list[str]]:
    if store.engine.dialect.name == "sqlite":
        statement = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        statement = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
            "SELECT table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable, column_default, "
            "collation_name) FROM information_schema.columns WHERE table_schema = 'public'"
        )
    with store.reading() as connection:
        rows = connection.exec_driver_sql(statement).all()
    return {name: _parts(sql) for name, sql in rows if not name.startswith("alembic_version")}


def _parts(sql: str) -> list[str]:
    """Give what a statement says, part by part, sorted: SQLite writes an added column behind the constraints."""
    words = " ".join(sql.replace('"', "").split()).replace("( ", "(").replace(" )", ")")
    return sorted(part.strip(" ()") for part in words.replace(" (", ",", 1).split(","))


def test_migrating_says_what_it_applied_and_nothing_the_second_time(empty_url: str) -> None:
    numbers = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))
    assert migrate(empty_url) == numbers
    assert migrate(empty_url) == []


def test_two_that_migrate_at_once_migrate_one_after_the_other(empty_url: str) -> None:
    all_at_once = threading.Barrier(4)

    def migrate_with_the_others() -> list[str]:
        all_at_once.wait()
        return migrate(empty_url)

    with ThreadPoolExecutor(4) as pool:
        applied = [run.result() for run in [pool.submit(migrate_with_the_others) for _ in range(4)]]
    assert sorted(map(bool, applied)) == [False, False, False, True]


def test_a_migration_that_fails_leaves_nothing(empty_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", fail)
        with pytest.raises(RuntimeError):
            migrate(empty_url)
    with pytest.raises(BadSetting, match="no tables"), opened(empty_url).reading():
        pass
    assert migrate(empty_url)


def test_a_database_that_was_never_migrated_says_so(empty_url: str, opened: Open) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with (
        pytest.raises(BadSetting, match="no tables of Hookwright yet: run `hookwright migrate`"),
        opened(empty_url).reading(),
    ):
        pass


@pytest.mark.parametrize(("revision", "words"), [("0000", "an older Hookwright"), ("9999", "a newer Hookwright")])
def test_a_database_of_another_release_says_so(
    store: Store, store_url: str, opened: Open, revision: str, words: str
) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    other = opened(store_url)
    with pytest.raises(BadSetting, match=words), other.writing():
        pass
    if revision == "9999":
        with pytest.raises(BadSetting, match=words):
            migrate(store_url)
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1, "who runs already is not stopped"
