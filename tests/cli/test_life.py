"""The life of events on the command line: looked into, discarded, exported, imported, erased."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from running import WORD, Running
from typer.testing import CliRunner

from gateway.cli.app import app

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = "def authenticate(r, c):\n    return True\ndef transform(r, c):\n    raise ValueError\n"
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


async def post(running: Running, source: str, email: str) -> str:
    body = {"email": email, "visits": 1}
    event_id = str((await running.http.post(f"/in/{source}", json=body, headers=WORD)).json()["id"])
    await running.event(event_id)
    return event_id


async def test_a_request_is_shown_masked_and_raw_as_its_very_bytes(running: Running, run: Run) -> None:
    await running.add_source("cli-request")
    event_id = await post(running, "cli-request", "shown@example.com")
    rules = await run("sources", "redact", "cli-request", "--path", "email", "--json")
    assert json.loads(rules.stdout) == {"headers": [], "paths": ["email"]}
    shown = await run("events", "request", event_id)
    assert "shown@example.com" not in shown.output
    assert '"visits": 1' in shown.stdout
    assert shown.stdout.startswith("POST http")
    raw = await run("events", "request", event_id, "--raw")
    assert json.loads(raw.stdout_bytes) == {"email": "shown@example.com", "visits": 1}
    assert "content-type: application/json" in raw.stderr
    document = json.loads((await run("events", "request", event_id, "--raw", "--json")).stdout)
    assert base64.b64decode(document["body_base64"]) == raw.stdout_bytes


async def test_every_attempt_is_shown_with_the_event(running: Running, run: Run) -> None:
    await running.add_source("cli-attempts")
    event_id = await post(running, "cli-attempts", "tried@example.com")
    event = json.loads((await run("events", "show", event_id, "--json")).stdout)
    assert event["attempt_count"] == 1
    assert [(one["error"], one["ms"] >= 0) for one in event["attempts"]] == [(None, True)]


async def test_discarding_wants_a_reason_and_asks_before_it_takes_many(running: Running, run: Run) -> None:
    await running.add_source(
        "cli-discard", "def authenticate(r, c):\n    return True\ndef transform(r, c):\n    boom\n"
    )
    first, second = [await post(running, "cli-discard", f"{n}@example.com") for n in "ab"]
    assert (await run("events", "discard", first)).exit_code == 2
    assert (await run("events", "discard", first, "--source", "x", "--reason", "y")).exit_code == 2
    assert f"{first} is discarded" in (await run("events", "discard", first, "--reason", "test")).stdout
    refused = await run("events", "discard", "--source", "cli-discard", "--reason", "test", input="n\n")
    assert (refused.exit_code, (await running.event(second))["status"]) == (1, "failed")
    assert "Discard 1 events?" in refused.output
    done = await run("events", "discard", "--source", "cli-discard", "--reason", "test", "--yes")
    assert "1 events are discarded" in done.stdout
    assert (await running.event(second, "discarded"))["reason"] == "test"
    assert "nothing to discard" in (await run("events", "discard", "--source", "cli-discard", "--reason", "t")).stderr


async def test_an_export_is_lines_of_json_and_its_import_says_what_it_did(
    running: Running, run: Run, tmp_path: Path
) -> None:
    await running.add_source("cli-export")
    event_id = await post(running, "cli-export", "moved@example.com")
    masked = await run("events", "export", "--source", "cli-export")
    assert [json.loads(line)["id"] for line in masked.stdout.splitlines()] == [event_id]
    assert "1 events are written, masked" in masked.stderr
    raw = await run("events", "export", "--source", "cli-export", "--raw")
    path = tmp_path / "events.ndjson"
    path.write_bytes(raw.stdout_bytes)
    known = await run("events", "import", str(path))
    assert (known.exit_code, known.stdout.partition(";")[0]) == (
        0,
        "0 events are queued, 1 were known, 0 lines are left out of 1",
    )
    path.write_bytes(b"nonsense\n" + masked.stdout_bytes + raw.stdout_bytes)
    faulty = await run("events", "import", str(path))
    assert faulty.exit_code == 1
    assert "error: line 1: not JSON" in faulty.stderr
    assert "error: line 2: a masked export is for reading" in faulty.stderr
    piped = await run("events", "import", "-", input=raw.stdout_bytes)
    assert piped.exit_code == 0
    missing = await run("events", "import", str(tmp_path / "none"))
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (1, True)


async def test_a_secret_is_rotated_and_resealed_and_never_shown(running: Running, run: Run) -> None:
    await running.add_source("cli-rotate")
    rotated = await run("secrets", "rotate", "cli-rotate", "word", input="another-word\n")
    assert "the old value counts until 20" in rotated.stdout
    listed = await run("secrets", "list", "cli-rotate", "--json")
    assert set(json.loads(listed.stdout)[0]) == {"name", "age_days", "changed_at", "rotated_at", "previous_until"}
    assert "sealed with the first key" in (await run("secrets", "reseal")).stdout
    await post(running, "cli-rotate", "still@example.com")
    assert "word-" not in rotated.output + listed.output
    assert "another-word" not in rotated.output + listed.output


async def test_a_person_is_exported_and_then_erased_for_good(running: Running, run: Run) -> None:
    await running.add_source("cli-erase")
    event_id = await post(running, "cli-erase", "leaver@example.com")
    found = json.loads((await run("contacts", "export", "email:leaver@example.com")).stdout)
    assert found["contact"]["attributes"] == {"visits": 1}
    assert [one["said"]["attributes"] for one in found["effects"]] == [{"visits": 1}]
    assert json.loads(found["events"][0]["request"]["body"]) == {"email": "leaver@example.com", "visits": 1}
    assert WORD["x-word"] in json.dumps(found["events"][0]["request"]), "no header of that name is a credential"

    spared = await run("contacts", "erase", "email:leaver@example.com", input="n\n")
    assert "1 effects of 1 events. Erase it all, for good?" in spared.output
    assert (await running.contact("email", "leaver@example.com")).status_code == 200
    erased = await run("contacts", "erase", "email:leaver@example.com", "--yes")
    assert erased.stdout.startswith("erased: 1 contacts, 1 effects; 1 events are emptied (era_")
    assert (await running.contact("email", "leaver@example.com")).status_code == 404
    event = await running.event(event_id)
    assert (event["status"], event["actions"]) == ("applied", [])
    gone = await run("events", "request", event_id)
    assert (gone.exit_code, "it went with a person" in gone.stderr) == (1, True)
    replayed = await run("events", "replay", event_id)
    again = await running.event(replayed.stdout.split()[-1])
    assert (again["status"], again["reason"]) == ("failed", "its raw request is gone: it went with a person")

    await post(running, "cli-erase", "leaver@example.com")
    assert (await running.contact("email", "leaver@example.com")).status_code == 200, "they came anew"


async def test_a_source_keeps_its_requests_as_long_as_it_is_told(running: Running, run: Run) -> None:
    await running.add_source("cli-retain")
    assert "are kept 7 days" in (await run("sources", "retain", "cli-retain", "--days", "7")).stdout
    assert "as long as all" in (await run("sources", "retain", "cli-retain", "--usual")).stdout
    assert (await run("sources", "retain", "cli-retain")).exit_code == 2
    assert (await run("sources", "retain", "cli-retain", "--days", "0")).exit_code == 1
