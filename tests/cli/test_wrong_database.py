"""A wrong HOOKWRIGHT_DATABASE_URL, met at every way in: one line that names it and the way out, never the password."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from postgres import Server
from running import PATIENCE_SECONDS, free_port, prepare
from typer.testing import CliRunner

from gateway.cli.app import app

PASSWORD = "open-sesame"

Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valkey_url: str) -> Say:
    """Run a command in this process on a data folder that is in order; gives what it complains of."""
    (tmp_path / "data").mkdir(mode=0o700)
    settings = prepare(tmp_path / "data", f"{valkey_url}?db=4")
    for name in os.environ:
        if name.startswith("HOOKWRIGHT_") and not name.startswith("HOOKWRIGHT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("HOOKWRIGHT_REDIS_URL", settings.redis_url)

    def say(url: str, *line: str) -> str:
        monkeypatch.setenv("HOOKWRIGHT_DATABASE_URL", url)
        result = CliRunner().invoke(app, list(line), prog_name="hookwright")
        assert result.exit_code == 1, (result.output, result.exception)
        assert "Traceback" not in result.output
        return " ".join(result.stderr.split())

    return say


COMMANDS = [("migrate",), ("sources", "list"), ("events", "list"), ("keys", "list"), ("secrets", "list", "shop")]


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_every_command_says_what_is_wrong_with_the_address(say: Say, line: tuple[str, ...]) -> None:
    said = say(f"mysql://hookwright:{PASSWORD}@db/hookwright", *line)
    assert "HOOKWRIGHT_DATABASE_URL begins with mysql://" in said
    assert "postgresql://user:password@host:5432/name" in said
    assert PASSWORD not in said


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_every_command_says_what_is_wrong_with_the_password(say: Say, postgres: Server, line: tuple[str, ...]) -> None:
    said = say(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{postgres.port}/postgres", *line)
    assert 'HOOKWRIGHT_DATABASE_URL, the database "postgres" on 127.0.0.1' in said
    assert "the user or the password is wrong" in said
    assert PASSWORD not in said


def test_a_database_that_is_not_migrated_is_said_to_whoever_reads_it(say: Say, postgres: Server) -> None:
    with postgres.database(is_migrated=False) as url:
        assert "run `hookwright migrate`" in say(url, "sources", "list")


def test_a_file_that_is_not_there_is_said_and_not_made(say: Say, tmp_path: Path) -> None:
    assert "there is no such file" in say(f"sqlite:///{tmp_path}/slip.db", "sources", "list")
    assert not (tmp_path / "slip.db").exists()


@pytest.fixture
def environment(tmp_path: Path, valkey_url: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    return inherited | {
        "HOOKWRIGHT_DATA_DIR": str(tmp_path / "data"),
        "HOOKWRIGHT_REDIS_URL": f"{valkey_url}?db=4",
        "HOOKWRIGHT_SECRET_KEY": "k" * 40,
        "HOOKWRIGHT_GATEWAY_PORT": str(free_port()),
        "HOOKWRIGHT_CONSOLE_PORT": str(free_port()),
    }


@pytest.mark.parametrize("program", ["up", "gateway", "worker"])
def test_every_program_says_what_is_wrong_and_ends(
    environment: dict[str, str], tmp_path: Path, postgres: Server, program: str
) -> None:
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
    command = [sys.executable, "-P", "-m", "gateway.cli", program]
    told = environment | {"HOOKWRIGHT_DATABASE_URL": url, "COLUMNS": "400"}
    ended = subprocess.run(command, env=told, cwd="/", capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 1
    said = ended.stdout + ended.stderr
    assert "HOOKWRIGHT_DATABASE_URL" in said
    assert "the user or the password is wrong" in said
    assert "Traceback" not in said
    assert PASSWORD not in said
    assert not list(tmp_path.rglob("*.db"))
