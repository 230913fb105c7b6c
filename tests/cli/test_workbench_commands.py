"""Scripts tried and compared, issues settled, bulk jobs looked after: on the command line."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from running import OPEN_SCRIPT, WORD, Running
from typer.testing import CliRunner

from gateway.cli.app import app

pytestmark = pytest.mark.asyncio(loop_scope="session")

MENDED = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json.get("visits", 0)')
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(running: Running, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line against the running product, in a thread: it has a loop of its own."""
    settings = running.settings
    monkeypatch.setenv("HOOKWRIGHT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("HOOKWRIGHT_REDIS_URL", settings.redis_url)
    if settings.database_url:
        monkeypatch.setenv("HOOKWRIGHT_DATABASE_URL", settings.database_url)

    async def invoke(*line: str, **options: Any) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(line), prog_name="hookwright", **options)

    return invoke


async def post(running: Running, source: str, **body: Any) -> str:
    event_id = str((await running.http.post(f"/in/{source}", json=body, headers=WORD)).json()["id"])
    await running.event(event_id)
    return event_id


async def test_a_file_is_tried_on_an_event_and_a_failure_ends_with_one(
    running: Running, run: Run, tmp_path: Path
) -> None:
    await running.add_source("cli-try")
    failed = await post(running, "cli-try", email="try@example.com")
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text(OPEN_SCRIPT)
    new.write_text(MENDED)
    broken = await run("scripts", "try", "cli-try", str(old), "--event", failed)
    assert (broken.exit_code, "KeyError: visits" in broken.stdout) == (1, True)
    good = await run("scripts", "try", "cli-try", str(new), "--event", failed, "--json")
    assert good.exit_code == 0
    assert json.loads(good.stdout)["actions"][0]["attributes"] == {"visits": 0}
    body = tmp_path / "body.json"
    body.write_text('{"email": "file@example.com"}')
    line = ["scripts", "try", "cli-try", str(new), "--request", str(body)]
    assert json.loads((await run(*line, "--json")).stdout)["status"] == "rejected"
    word = f"x-word: {WORD['x-word']}"
    assert json.loads((await run(*line, "-H", word, "--json")).stdout)["status"] == "queued"
    if sys.platform == "linux":
        assert json.loads(good.stdout)["memory"]["limit_bytes"] == 80 * 1024 * 1024
        assert re.search(r"^memory +\d\.\d of 80\.0 MiB$", (await run(*line, "-H", word)).stdout, re.MULTILINE)
    assert (await run("scripts", "try", "cli-try", str(new))).exit_code == 2


async def test_a_plugins_fixture_is_tried_by_its_name(running: Running, run: Run, tmp_path: Path) -> None:
    from gateway.operations import sources
    from gateway.plugins import load_plugin

    await sources.add_source(running.op, "cli-plugin", plugin="github", secrets={"signing_secret": "a-long-secret"})
    file = tmp_path / "script.py"
    file.write_text(load_plugin("github").script)
    tried = await run("scripts", "try", "cli-plugin", str(file), "--fixture", "star_created")
    assert (tried.exit_code, "queued" in tried.stdout) == (0, True)
    file.write_text("import os\n")
    refused = await run("scripts", "try", "cli-plugin", str(file), "--fixture", "star_created")
    assert (refused.exit_code, refused.stdout.startswith(f"{file}:1:8: ")) == (1, True)


async def test_comparing_ends_with_one_only_where_something_newly_fails(
    running: Running, run: Run, tmp_path: Path
) -> None:
    await running.add_source("cli-compare")
    await post(running, "cli-compare", email="a@example.com", visits=1)
    await post(running, "cli-compare", email="b@example.com")
    file = tmp_path / "script.py"
    file.write_text(MENDED)
    better = await run("scripts", "compare", "cli-compare", str(file), "--last", "10")
    assert better.exit_code == 0
    assert "2 requests: 1 same, 0 changed, 0 newly failing, 1 newly passing" in better.stdout
    file.write_text(OPEN_SCRIPT.replace('request.json["email"]', 'request.json["mail"]'))
    worse = await run("scripts", "compare", "cli-compare", str(file), "--json")
    assert worse.exit_code == 1
    assert [result["kind"] for result in json.loads(worse.stdout)] == ["changed", "newly_failing"]


async def test_two_versions_are_compared_as_diff_does(running: Running, run: Run) -> None:
    from gateway.operations.scripts import push_script

    await running.add_source("cli-diff")
    await push_script(running.op, "cli-diff", MENDED)
    shown = await run("scripts", "diff", "cli-diff", "1", "2")
    assert shown.stdout.startswith("--- 1\n+++ 2\n")
    assert "no difference" in (await run("scripts", "diff", "cli-diff", "1", "live")).stderr


async def test_an_issue_is_found_mended_replayed_and_resolved(running: Running, run: Run) -> None:
    from gateway.operations.scripts import push_script

    await running.add_source("cli-issue")
    failed = await post(running, "cli-issue", email="i@example.com")
    (issue,) = json.loads((await run("issues", "list", "--source", "cli-issue", "--json")).stdout)["issues"]
    assert (issue["count"], issue["cause"]) == (1, "KeyError: visits")
    assert failed in (await run("issues", "show", issue["id"])).stdout
    await run("issues", "acknowledge", issue["id"], "--note", "looking")
    await push_script(running.op, "cli-issue", MENDED, is_published=True)
    replayed = await run("issues", "replay", issue["id"], "--yes")
    assert "1 replays are queued" in replayed.stdout
    bulk_id = replayed.stdout.split()[-1]
    assert (await run("bulk", "list")).stdout.count(bulk_id) == 1
    while (await running.event(failed))["replaced_by"] is None:
        await asyncio.sleep(0.02)
    assert json.loads((await run("bulk", "show", bulk_id, "--json")).stdout)["result"] == {"applied": 1, "queued": 0}
    assert (await run("issues", "resolve", issue["id"])).stdout == f"{issue['id']} is resolved\n"
    rows = json.loads((await run("issues", "list", "--state", "resolved", "--json")).stdout)["issues"]
    assert [(row["note"], row["count"]) for row in rows if row["id"] == issue["id"]] == [("looking", 0)]
    assert "nothing to replay" in (await run("issues", "replay", issue["id"], "--yes")).stderr
    assert (await run("bulk", "pause", bulk_id)).exit_code == 1


async def test_a_source_captures_and_stops_on_the_command_line(running: Running, run: Run) -> None:
    await running.add_source("cli-capture")
    assert (await run("sources", "capture", "cli-capture", "--requests", "5")).exit_code == 0
    answer = await running.http.post("/in/cli-capture", json={}, headers=WORD)
    assert answer.json()["status"] == "captured"
    assert "does not capture" in (await run("sources", "capture", "cli-capture", "--stop")).stdout
    assert (await running.http.post("/in/cli-capture", json={}, headers={})).status_code == 401
