"""Doctor: what it finds on a machine without anything, on one that runs, and on one where something is wrong."""

import os
from pathlib import Path

import orjson
import pytest
from running import Running
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.cli.checks import Finding, examine, find_holder
from gateway.operations import sources
from gateway.supervise.folder import lock_folder, prepare_folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a data folder that is not there; forget all settings of the machine."""
    for name in os.environ:
        if name.startswith("HOOKWRIGHT_") and not name.startswith("HOOKWRIGHT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


async def look() -> dict[str, Finding]:
    return {finding.name: finding async for finding in examine()}


def faults(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.detail for name, finding in found.items() if finding.state == "fault"}


def test_a_machine_where_nothing_was_ever_started_has_no_fault_and_stays_as_it_was(data: Path) -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert f"{data} is not there yet" in result.stdout
    assert "→ start `hookwright up`" in result.stdout
    assert "sandbox seccomp" in result.stdout
    assert not data.exists()


def test_everything_found_can_be_had_as_json(data: Path) -> None:
    found = orjson.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert {one["state"] for one in found} <= {"ok", "warning"}
    assert {"python", "settings", "data folder", "free disk", "sandbox", "plugins"} <= {one["name"] for one in found}
    assert set(found[0]) == {"name", "state", "detail", "way_out"}


def test_an_unknown_setting_is_a_fault_with_its_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKWRIGHT_GATEWAY_PROT", "1")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "Did you mean HOOKWRIGHT_GATEWAY_PORT?" in result.stdout


async def test_a_console_that_is_reached_from_elsewhere_has_to_know_its_name(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "console" not in await look(), "on this machine it is called by its address"
    monkeypatch.setenv("HOOKWRIGHT_CONSOLE_HOST", "0.0.0.0")
    found = (await look())["console"]
    assert (found.state, "HOOKWRIGHT_CONSOLE_URL" in found.way_out) == ("warning", True)
    monkeypatch.setenv("HOOKWRIGHT_CONSOLE_URL", "https://console.example")
    found = (await look())["console"]
    assert (found.state, "https://console.example" in found.detail) == ("ok", True)
    monkeypatch.setenv("HOOKWRIGHT_CONSOLE_URL", "console.example")
    assert "begins with https://" in faults(await look())["settings"]


async def test_private_files_that_others_can_read_are_a_fault(data: Path) -> None:
    prepare_folder(data)
    (data / "secret.key").write_text("x")
    (data / "secret.key").chmod(0o644)
    assert "private files" not in faults(await look()), "nobody can enter"
    data.chmod(0o755)
    assert "secret.key" in faults(await look())["private files"]


async def test_the_process_that_works_in_the_folder_is_named_and_not_disturbed(data: Path) -> None:
    prepare_folder(data)
    assert find_holder(data) is None
    with lock_folder(data):
        assert find_holder(data) == str(os.getpid())
        assert (await look())["data folder in use"].detail == f"by process {os.getpid()}"
    assert find_holder(data) is None


def use(running: Running, monkeypatch: pytest.MonkeyPatch, **others: str) -> None:
    """Look at the product of this test session."""
    named = {
        "HOOKWRIGHT_DATA_DIR": str(running.settings.data_dir),
        "HOOKWRIGHT_REDIS_URL": running.settings.redis_url,
        "HOOKWRIGHT_GATEWAY_PORT": str(running.settings.gateway_port),
    }
    for name, value in {**named, **others}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.asyncio(loop_scope="session")
async def test_what_runs_is_asked_and_a_source_without_its_secret_is_named(
    running: Running, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sources.add_source(running.op, "lacking", plugin="shopify")
    use(running, monkeypatch)
    found = await look()
    assert faults(found) == {}
    assert "lacking lacks signing_secret" in found["secrets of sources"].detail
    assert found["redis server"].detail.startswith("Valkey ")
    for name in ("redis", "database", "queue", "gateway here"):
        assert found[name].state == "ok", found[name]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_redis_and_a_gateway_that_are_away_are_named_without_the_password(
    running: Running, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "redis://:pass-word-of-redis@127.0.0.1:1/0"
    use(running, monkeypatch, HOOKWRIGHT_REDIS_URL=url, HOOKWRIGHT_GATEWAY_PORT="1")
    found = await look()
    assert {"redis server", "queue"} <= faults(found).keys()
    assert found["redis server"].detail == "ConnectionError at redis://127.0.0.1:1/0"
    assert "pass-word-of-redis" not in repr(found)
    assert (found["gateway here"].state, found["database"].state) == ("warning", "ok")
