"""What only SQLite has: a file, its modes, and a disk that is full."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import StoreBusy
from gateway.store.engine import Store, open_store
from gateway.store.lists import create_lists
from gateway.store.migrate import migrate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "what a%3Fname?.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    address = f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"
    migrate(address)
    store = open_store(address)
    yield store
    store.close()


def test_the_file_and_its_log_are_for_their_owner_only(store: Store, path: Path) -> None:
    with store.writing() as connection:
        create_lists(connection, ["VIP"], 0)
        files = sorted(path.parent.iterdir())
        assert path in files
        assert len(files) > 1
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_every_commit_reaches_the_disk(store: Store) -> None:
    with store.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_full_disk_passes_by_itself(store: Store) -> None:
    with pytest.raises(StoreBusy, match="full"), store.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        create_lists(connection, ["x" * 100_000], 0)


def test_a_restored_backup_waits_for_who_is_at_it_before_it_gets_a_log(
    store: Store, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "restored.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as original:
        original.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.2, other.execute, ["COMMIT"])
        done.start()
        restored = open_store(f"sqlite:///{copy}")
        with closing(restored), restored.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        done.join()
