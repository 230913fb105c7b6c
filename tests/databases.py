"""Databases: a fresh one, migrated already, of either kind; each a copy of a template.

Takes the kind, gives an address. One test a database is quick enough: a copy takes a tenth of what migrating does.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from postgres import Server

from gateway.store.migrate import migrate

KINDS = ("sqlite", "postgresql")


@contextmanager
def fresh_database(kind: str, request: pytest.FixtureRequest, *, is_migrated: bool = True) -> Iterator[str]:
    """Make a database; it is gone afterwards. One of SQLite that is not migrated is not even a file."""
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        with server.database(is_migrated=is_migrated) as url:
            yield url
        return
    with TemporaryDirectory(prefix="hw-", dir=_memory()) as folder:
        if is_migrated:
            shutil.copyfile(request.getfixturevalue("sqlite_template"), f"{folder}/hookwright.db")
        yield f"sqlite:///{folder}/hookwright.db"


def make_template(folder: Path) -> Path:
    """Migrate an SQLite file, once for all."""
    path = folder / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@cache
def _memory() -> str | None:
    """Name a folder that is kept in memory, where there is one: nothing of a test has to reach a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
