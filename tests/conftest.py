"""What tests share: one Valkey, one PostgreSQL and one running product a session. Everything in them is real."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
import structlog
from databases import KINDS, fresh_database, make_template
from hypothesis import HealthCheck, settings
from postgres import NoPostgres, Server, run_postgres
from running import Running, prepare, run_all, run_valkey

# Whether a property holds is no matter of time: on a busy machine one example may take as long as it likes. What else
# stands is Hypothesis' own choice, which is another one in CI.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FIGURE = "figure"
# How a test that was left out begins to say why, and what is said of it at the end.
NOT_TESTED = {
    "NOT TESTED on PostgreSQL": "PostgreSQL was NOT tested",
    "NOT TESTED in a browser": "The console was NOT tested in a browser: install Chromium",
}


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Take back what a command set up for its logs: it lasts as long as the process, which here is every test's."""
    yield
    structlog.reset_defaults()
    for name in ("arq", "uvicorn", "uvicorn.access", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="hw-") as folder, run_valkey(Path(folder)) as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Run PostgreSQL; a machine that cannot is told so at the end, and is no machine for CI."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(run_postgres())
        except NoPostgres as why:
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI has to test PostgreSQL: {why}")
            pytest.skip(f"NOT TESTED on PostgreSQL: {why}")
        yield server


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Take figures that were measured: they are printed at the end of the run, and never asserted."""
    return partial(record_property, FIGURE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, and loudly what was left out. Reads reports alone: tests may run in other processes."""
    reports = [one for many in terminalreporter.stats.values() for one in many if isinstance(one, pytest.TestReport)]
    for report in reports:
        for name, text in report.user_properties:
            if name == FIGURE and report.when == "call":
                terminalreporter.write_line(str(text))
    for begins, told in NOT_TESTED.items():
        if any(report.skipped and begins in str(report.longrepr) for report in reports):
            terminalreporter.write_line(told, red=True, bold=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Name a kind of database: the test runs once on each."""
    return str(request.param)


@pytest.fixture
def store_url(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a fresh, migrated database, of each kind in turn."""
    with fresh_database(kind, request) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(valkey_url: str) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="hw-") as folder:
        async with run_all(prepare(Path(folder), valkey_url)) as running:
            yield running
