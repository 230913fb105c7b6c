"""Scripts pushed, published and compared over the API, as CI does it: with a key, and no database at hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from click.testing import Result
from running import OPEN_SCRIPT, WORD, Running, free_port
from typer.testing import CliRunner

from console.app import build_console
from gateway.cli.app import app

pytestmark = pytest.mark.asyncio(loop_scope="session")

MENDED = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json.get("visits", 0)')
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def console_url(running: Running) -> AsyncIterator[str]:
    """Serve the console in this process; gives its address."""
    port = free_port()
    config = uvicorn.Config(
        build_console(running.op, running.settings), port=port, lifespan="off", log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command line in a folder where there is nothing of Hookwright."""
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(tmp_path / "nothing"))

    async def invoke(*line: str, **options: Any) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(line), prog_name="hookwright", **options)

    return invoke


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.py"
    file.write_text(MENDED)
    return file


async def make_key(running: Running, tmp_path: Path, role: str, *reach: str) -> str:
    file = tmp_path / f"{role}.key"
    file.write_text((await running.make_key(role, *reach))["x-api-key"] + "\n")
    return str(file)


async def test_ci_compares_pushes_and_rolls_back(
    running: Running, run: Run, console_url: str, script: Path, tmp_path: Path
) -> None:
    await running.add_source("ci-shop")
    failed = (await running.http.post("/in/ci-shop", json={"email": "ci@example.com"}, headers=WORD)).json()["id"]
    await running.event(failed)
    there = ["--url", console_url, "--key-file", await make_key(running, tmp_path, "integrator", "ci-shop")]
    compared = await run("scripts", "compare", "ci-shop", str(script), *there)
    assert (compared.exit_code, "1 newly passing" in compared.stdout) == (0, True)
    pushed = await run("scripts", "push", "ci-shop", str(script), "--publish", "--note", "from CI", *there)
    assert (pushed.exit_code, "version 2 of ci-shop is live" in pushed.stdout) == (0, True)
    posted = await running.http.post("/in/ci-shop", json={"email": "ci@example.com"}, headers=WORD)
    assert (await running.event(posted.json()["id"]))["status"] == "applied"
    assert "version 1 of ci-shop is live" in (await run("scripts", "rollback", "ci-shop", *there)).stdout
    assert "version 2 of ci-shop is live" in (await run("scripts", "publish", "ci-shop", "2", *there)).stdout


async def test_a_refused_script_says_where_as_it_would_here(
    running: Running, run: Run, console_url: str, tmp_path: Path
) -> None:
    await running.add_source("ci-refused")
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n")
    key_file = await make_key(running, tmp_path, "integrator")
    result = await run("scripts", "push", "ci-refused", str(bad), "--url", console_url, "--key-file", key_file)
    assert result.exit_code == 1
    assert "the script is refused: line 1, column" in result.stderr


async def test_the_key_may_come_from_standard_input(running: Running, run: Run, console_url: str) -> None:
    await running.add_source("ci-stdin")
    key = (await running.make_key("integrator"))["x-api-key"]
    line = ["scripts", "publish", "ci-stdin", "1", "--url", console_url, "--key-file", "-"]
    assert (await run(*line, input=f"{key}\n")).exit_code == 0
    assert (await run(*line, input="")).exit_code == 2


async def test_what_the_console_refuses_is_said_in_its_words(
    running: Running, run: Run, console_url: str, script: Path, tmp_path: Path
) -> None:
    viewer = await make_key(running, tmp_path, "viewer")
    line = ["scripts", "push", "ci-nobody", str(script), "--url", console_url, "--key-file"]
    refused = await run(*line, viewer)
    assert (refused.exit_code, "a key of role viewer may not do this" in refused.stderr) == (1, True)
    absent = await run(*line, await make_key(running, tmp_path, "admin"))
    assert (absent.exit_code, 'no source "ci-nobody"' in absent.stderr) == (1, True)


async def test_an_address_without_a_console_is_said_plainly(
    running: Running, run: Run, script: Path, tmp_path: Path
) -> None:
    key_file = await make_key(running, tmp_path, "integrator")
    line = ["scripts", "push", "shop", str(script), "--key-file", key_file, "--url"]
    nobody = await run(*line, f"http://127.0.0.1:{free_port()}")
    assert (nobody.exit_code, "does not answer" in nobody.stderr) == (1, True)
    for url in ("console.example.com", "ftp://console", "https://"):
        assert (await run(*line, url)).exit_code == 2
    no_key = await run("scripts", "push", "shop", str(script), "--url", "http://127.0.0.1:1")
    assert (no_key.exit_code, "--key-file" in no_key.stderr) == (2, True)
