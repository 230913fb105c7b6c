"""The commands as a person types them: help, wrong usage, and errors in one line."""

import os
import subprocess
import sys

import pytest
from redis.exceptions import ConnectionError as RedisAway
from typer.testing import CliRunner

from gateway.cli import errors
from gateway.cli.app import app
from gateway.errors import Conflict, Problem, QueueUnavailable, ScriptRefused


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command line in an empty folder, without settings of the machine; gives its result."""
    for name in os.environ:
        if name.startswith("HOOKWRIGHT_") and not name.startswith("HOOKWRIGHT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path / "data"))
    return lambda *line, **options: CliRunner().invoke(app, list(line), prog_name="hookwright", **options)


def test_the_name_alone_shows_what_there_is(run):
    result = run()
    assert result.exit_code == 0
    for command in ("up", "gateway", "worker", "console", "migrate", "sources", "scripts", "secrets", "keys", "users"):
        assert f" {command} " in result.stdout
    for command in ("events", "contacts", "queue", "plugins", "send"):
        assert f" {command} " in result.stdout


def leaves(group, path=()):
    for command in group.commands.values():
        here = (*path, command.name)
        yield from leaves(command, here) if hasattr(command, "commands") else [(here, command)]


def test_every_command_and_every_option_says_what_it_is_for():
    import typer

    for path, command in leaves(typer.main.get_command(app)):
        assert command.help, path
        for parameter in command.params:
            if parameter.name not in ("event_id",):
                assert getattr(parameter, "help", None), (path, parameter.name)


def test_whatever_is_listed_can_be_had_as_json():
    import typer

    shown = [
        (path, command) for path, command in leaves(typer.main.get_command(app)) if path[-1] in ("list", "show", "log")
    ]
    assert len(shown) >= 9
    for path, command in shown:
        assert "--json" in [option for parameter in command.params for option in parameter.opts], path


@pytest.mark.parametrize(
    "line",
    [
        ["nonsense"],
        ["sources", "nonsense"],
        ["sources", "show"],
        ["sources", "add", "shop", "--set", "novalue"],
        ["keys", "create", "--name", "x", "--role", "emperor"],
        ["keys", "create", "--role", "sender"],
        ["events", "list", "--since", "yesterday"],
        ["events", "list", "--status", "lost"],
        ["events", "list", "--limit", "0"],
        ["events", "replay"],
        ["events", "replay", "evt_1", "--source", "shop"],
        ["contacts", "show", "ann@example.com"],
        ["send", "shop", "--count", "0"],
        ["scripts", "check", "no-such-file.py"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_how_to_get_help(run, line):
    result = run(*line)
    assert result.exit_code == 2
    assert "Usage: hookwright" in result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    "line",
    [["sources", "list"], ["events", "list"], ["queue", "status"], ["secrets", "list", "shop"], ["send", "shop"]],
    ids=" ".join,
)
def test_where_nothing_was_started_yet_the_way_out_is_said(run, line, tmp_path):
    result = run(*line)
    assert result.exit_code == 1
    assert f"there is nothing in {tmp_path / 'data'} yet: start `hookwright up`" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_an_unknown_setting_stops_every_program(run, monkeypatch):
    monkeypatch.setenv("HOOKWRIGHT_GATEWAY_PROT", "8080")
    for line in (["up"], ["gateway"], ["worker"], ["console"], ["migrate"], ["sources", "list"]):
        result = run(*line)
        assert result.exit_code == 1, line
        assert "HOOKWRIGHT_GATEWAY_PROT is no setting" in result.stderr
        assert "HOOKWRIGHT_GATEWAY_PORT?" in result.stderr


@pytest.mark.parametrize("text", ["", "\n", "  \n"])
def test_an_empty_secret_is_refused_before_anything_is_opened(run, text):
    result = run("secrets", "set", "shop", "signing_secret", input=text)
    assert result.exit_code == 1
    assert "empty" in result.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Conflict("the name is taken"), "error: the name is taken"),
        (QueueUnavailable("the queue is away."), "error: the queue is away: is `hookwright up` running"),
        (RedisAway("Error 2"), "error: the queue does not answer: Error 2: is `hookwright up` running"),
        (ScriptRefused([Problem(3, 5, "no import")]), "error: the script is refused: line 3, column 5: no import"),
    ],
)
def test_an_expected_error_is_one_line_and_exit_code_1(capsys, error, words):
    with pytest.raises(errors.typer.Exit) as ended, errors.explained():
        raise error
    assert ended.value.exit_code == 1
    written = capsys.readouterr()
    assert written.err.startswith(words)
    assert written.err.count("\n") == 1
    assert not written.out


def test_an_error_that_nobody_expects_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), errors.explained():
        raise ZeroDivisionError


def test_words_of_an_error_are_never_read_as_markup(capsys):
    with pytest.raises(errors.typer.Exit), errors.explained():
        raise Conflict("[red]a[/] [/nonsense]")
    assert "[red]a[/] [/nonsense]" in capsys.readouterr().err


def test_help_waits_for_no_database_library():
    """Start-up is quick because these are not imported; a time would depend on the machine."""
    text = (
        "import sys\n"
        "from gateway.cli.app import app\n"
        "slow = {'sqlalchemy', 'redis', 'arq', 'pydantic', 'httpx', 'uvicorn', 'starlette'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
