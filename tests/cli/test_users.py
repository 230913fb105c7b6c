"""`hookwright users`: people of the console, from a shell."""

import json
import os
from pathlib import Path

import pytest
from running import prepare
from typer.testing import CliRunner

from gateway.cli.app import app


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `hookwright users …` on a fresh database; gives its result."""
    for name in os.environ:
        if name.startswith("HOOKWRIGHT_") and not name.startswith("HOOKWRIGHT_TEST_"):
            monkeypatch.delenv(name)
    prepare(tmp_path)
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HOOKWRIGHT_CONSOLE_URL", "https://console.example")
    return lambda *line: CliRunner().invoke(app, ["users", *line], prog_name="hookwright")


def test_adding_a_person_prints_their_link_and_nothing_else(users):
    result = users("add", "Ann@example.com", "--role", "admin")
    assert result.exit_code == 0
    assert result.stdout.startswith("https://console.example/welcome/")
    assert result.stdout.count("\n") == 1
    assert "once" in result.stderr
    (ann,) = json.loads(users("list", "--json").stdout)
    assert (ann["email"], ann["role"], ann["state"]) == ("ann@example.com", "admin", "invited")
    again = users("add", "ann@example.com", "--role", "viewer")
    assert again.exit_code == 1
    assert "one of the people already" in again.stderr


def test_a_person_can_be_named_by_address_or_id_in_every_command(users):
    ann = json.loads(users("add", "ann@example.com", "--role", "viewer", "--json").stdout)
    assert set(ann) == {"id", "email", "name", "role", "sources", "state", "created_at", "link"}
    assert users("link", ann["id"]).stdout != users("link", "ann@example.com").stdout
    assert users("role", "ann@example.com", "integrator").stdout == "ann@example.com is integrator of every source\n"
    assert users("remove", ann["id"]).exit_code == 0
    assert json.loads(users("list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("add", "no address", "--role", "viewer"), "is no e-mail address"),
        (("add", "ann@example.com", "--role", "viewer", "--source", "shop"), "shop"),
        (("link", "ghost@example.com"), "none of the people"),
        (("remove", "ghost@example.com"), "none of the people"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(users, line, words):
    result = users(*line)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
