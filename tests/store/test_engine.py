"""The door to the database: durable, locked where it must be, and honest about what passes by itself."""

import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.errors import StoreBusy
from gateway.store import dialect
from gateway.store.engine import IntegrityError, Store, open_store
from gateway.store.lists import create_lists, find_lists
from gateway.store.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Store:
    opened = open_store(f"sqlite:///{path}")
    with opened.writing() as connection:
        metadata.create_all(connection)
    return opened


def test_the_file_and_its_log_are_for_their_owner_only(store: Store, path: Path) -> None:
    with store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        files = sorted(path.parent.iterdir())
        assert len(files) > 1
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_every_commit_reaches_the_disk(store: Store) -> None:
    with store.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_an_exception_takes_back_all_of_a_transaction(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        raise RuntimeError
    with store.reading() as connection:
        assert find_lists(connection, ["VIP"]) == set()


def test_a_writer_locks_before_it_reads(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BEGIN IMMEDIATE: what a writer has read cannot be changed by another before it writes."""
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_SECONDS", 0)
    other = open_store(f"sqlite:///{path}")
    with store.writing(), pytest.raises(StoreBusy), other.writing():
        pass
    other.close()


def test_a_reader_sees_one_moment_while_somebody_writes(store: Store) -> None:
    with store.reading() as reading:
        assert find_lists(reading, ["VIP"]) == set()

        def write() -> None:
            with store.writing() as connection:
                create_lists(connection, ["VIP"], 0)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert find_lists(reading, ["VIP"]) == set()
    with store.reading() as reading:
        assert find_lists(reading, ["VIP"]) == {"VIP"}


def test_a_clash_is_not_taken_for_a_busy_database(store: Store) -> None:
    with pytest.raises(IntegrityError), store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        create_lists(connection, ["VIP"], 0)


def test_a_mistake_in_sql_is_not_taken_for_a_busy_database(store: Store) -> None:
    with pytest.raises(OperationalError), store.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_a_full_disk_passes_by_itself(store: Store) -> None:
    with pytest.raises(StoreBusy), store.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        create_lists(connection, ["x" * 100_000], 0)


def test_errors_never_repeat_what_was_to_be_written(store: Store) -> None:
    with pytest.raises(IntegrityError) as caught, store.writing() as connection:
        for _ in range(2):
            create_lists(connection, ["a secret name"], 0)
    assert "a secret name" not in str(caught.value)


def test_any_number_of_values_is_looked_up_in_one_statement(store: Store) -> None:
    names = [f"list {number}" for number in range(50_000)]
    with store.writing() as connection:
        create_lists(connection, names[:10], 0)
        assert find_lists(connection, names) == set(names[:10])
