"""`keys list`: when each key was used last."""

import json
from pathlib import Path

import pytest
from redis import Redis
from running import prepare
from typer.testing import CliRunner

from gateway.cli.app import app


def invoke(*line: str):
    return CliRunner().invoke(app, list(line), prog_name="hookwright")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valkey_url: str) -> Path:
    url = f"{valkey_url}?db=41"
    prepare(tmp_path, url)
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HOOKWRIGHT_REDIS_URL", url)
    return tmp_path


def test_the_list_says_when_and_where_no_use_was_seen(data: Path, valkey_url: str) -> None:
    made = {}
    for name in ("busy", "idle"):
        made[name] = json.loads(invoke("keys", "create", "--name", name, "--role", "viewer", "--json").stdout)["id"]
    with Redis.from_url(f"{valkey_url}?db=41") as redis:
        redis.hset("hookwright:key-uses", made["busy"], 1_800_000_000_000_000)
    table = invoke("keys", "list").stdout
    assert "last used at" in table.splitlines()[0]
    [busy] = [line for line in table.splitlines() if made["busy"] in line]
    assert "2027-01-15T08:00:00" in busy
    rows = {row["id"]: row for row in json.loads(invoke("keys", "list", "--json").stdout)}
    assert rows[made["busy"]]["last_used_at"].startswith("2027-01-15T08:00:00")
    assert rows[made["idle"]]["last_used_at"] is None
    assert rows[made["idle"]]["is_use_known"]


def test_without_the_queue_the_list_warns_that_it_does_not_know(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKWRIGHT_REDIS_URL", f"unix://{data}/nothing.sock")
    invoke("keys", "create", "--name", "k", "--role", "viewer")
    result = invoke("keys", "list")
    assert result.exit_code == 0
    assert "when keys were used last is not known" in result.stderr
