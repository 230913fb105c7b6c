"""`up` as people use it: the real program on a free port, everything through the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from running import free_port
from typer.testing import CliRunner

from gateway.cli.app import app

# A guard against hanging, not a figure that is asserted.
PATIENCE_SECONDS = 60.0
PROGRAM = (sys.executable, "-P", "-m", "gateway.cli")

GOOD_SCRIPT = '''"""Takes everything."""

from gateway.toolbox import upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    yield upsert_contact(identifiers={"email": request.json["email"]}, attributes={"visits": request.json["visits"]})
'''


def until(is_so: Callable[[], Any]) -> Any:
    """Ask until the answer is yes, and give it."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        if answer := is_so():
            return answer
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.05)


def children_of(parent_id: int) -> dict[str, int]:
    """Find the living children by the last word of their command line, or their program's name."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == parent_id and state != "Z":
            is_valkey = b"valkey-server" in words[0]
            found["valkey" if is_valkey else f"{words[-1].decode()}"] = int(folder.name)
    return found


def descendants_of(parent_id: int) -> set[int]:
    """Find every process below this one: Valkey, gateway, worker and their sandboxes."""
    below = set(children_of(parent_id).values())
    return below.union(*map(descendants_of, below))


def is_alive(process_id: int) -> bool:
    try:
        return (Path("/proc") / str(process_id) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes_of(folder: Path) -> list[str]:
    """List what still runs and was told of this data folder, in its environment or command line."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in told:
                found.append((process / "cmdline").read_text())
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError, PermissionError):
            continue
    return found


@dataclass
class Machine:
    """One data folder with its ports: `up` in it, and commands against it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    console_port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        ours = {"DATA_DIR": self.folder, "GATEWAY_PORT": self.port, "CONSOLE_PORT": self.console_port}
        ours = {f"HOOKWRIGHT_{name}": str(value) for name, value in ours.items()}
        return {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")} | ours

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    @property
    def said(self) -> str:
        return self.log.read_text()

    def up(self, *options: str) -> "Machine":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "up", *options], env=self.environment, stdout=log, stderr=log, cwd=self.folder.parent
            )
        return self

    def until_ready(self) -> "Machine":
        assert self.process is not None
        until(lambda: "Hookwright is ready" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def children(self) -> dict[str, int]:
        assert self.process is not None
        return children_of(self.process.pid)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def run(self, *line: str, input: str | None = None) -> Any:
        return CliRunner().invoke(app, list(line), prog_name="hookwright", env=self.environment, input=input)

    def out(self, *line: str, input: str | None = None) -> str:
        """Run a command that must succeed; give what it printed."""
        result = self.run(*line, input=input)
        assert result.exit_code == 0, (line, result.stderr, result.stdout, result.exception)
        return str(result.stdout)

    def json(self, *line: str) -> Any:
        return json.loads(self.out(*line, "--json"))

    def statuses(self, source: str) -> list[str]:
        return [event["status"] for event in self.json("events", "list", "--source", source, "--limit", "1000")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine") / "data", free_port()).up("--demo").until_ready()
    yield machine
    assert machine.end() == 0, machine.said


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Machine]:
    """Give a machine that nothing was started on; whatever a test leaves running is ended."""
    machine = Machine(tmp_path / "data", free_port())
    yield machine
    if machine.process is not None and machine.process.poll() is None:
        machine.end(signal.SIGKILL)


def test_what_is_ready_says_where_it_listens_and_what_to_try(machine):
    assert f"http://127.0.0.1:{machine.port}/in/<source>" in machine.said
    assert f"curl -i http://127.0.0.1:{machine.port}/api/upsertContact" in machine.said
    assert f"http://127.0.0.1:{machine.console_port}/welcome/" in machine.said
    assert "send demo-shopify" in machine.said
    assert "Stop with Ctrl-C" in machine.said
    assert set(machine.children()) == {"valkey", "gateway", "worker", "console"}


def test_what_is_on_disk_is_for_its_user_alone(machine):
    for path in [machine.folder, *machine.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_every_plugin_has_a_demo_source_that_takes_its_own_fixture(machine):
    sources = machine.json("sources", "list")
    demos = {source["name"]: source["plugin"] for source in sources}
    assert demos == {f"demo-{plugin['name']}": plugin["name"] for plugin in machine.json("plugins", "list")}
    for name in demos:
        assert machine.json("send", name)["answers"][0]["answer"] == "202", name


def test_twenty_posts_are_twenty_orders(machine):
    before = len(machine.statuses("demo-shopify"))
    sent = machine.json("send", "demo-shopify", "--count", "20")
    assert [(answer["answer"], answer["count"]) for answer in sent["answers"]] == [("202", 20)]
    until(lambda: machine.statuses("demo-shopify").count("applied") >= before + 20)
    assert len(machine.statuses("demo-shopify")) == before + 20


def test_the_same_post_again_is_a_duplicate(machine):
    machine.out("send", "demo-shopify", "--same", "--count", "3", "--concurrency", "1")
    until(lambda: machine.statuses("demo-shopify")[:3].count("duplicate") >= 2)


def test_a_source_that_is_not_there_is_said_in_one_line(machine):
    for line in (["send", "nobody"], ["sources", "show", "nobody"], ["scripts", "log", "nobody"]):
        result = machine.run(*line)
        assert result.exit_code == 1
        assert "nobody" in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_source_of_its_own_from_adding_to_removing(machine, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(GOOD_SCRIPT)
    machine.out("sources", "add", "own")
    assert "is set" in machine.out("secrets", "set", "own", "word", input="open sesame\n")
    assert [secret["name"] for secret in machine.json("secrets", "list", "own")] == ["word"]
    assert "version 1 of own is live" in machine.out(
        "scripts", "push", "own", str(script), "--publish", "--note", "first"
    )
    assert _post(machine, "own", "wrong") == 401
    assert _post(machine, "own", "open sesame") == 202
    until(lambda: machine.statuses("own") == ["applied"])
    assert machine.json("contacts", "show", "email:ann@example.com")["attributes"]["visits"] == 3

    machine.out("scripts", "push", "own", "-", input=GOOD_SCRIPT.replace("everything", "all"))
    versions = machine.json("scripts", "log", "own")
    assert [(version["number"], version["is_live"]) for version in versions] in (
        [(1, True), (2, False)],
        [(2, False), (1, True)],
    )
    machine.out("scripts", "publish", "own", "2")
    assert machine.json("sources", "show", "own")["live_version"]["number"] == 2

    machine.out("sources", "pause", "own")
    assert _post(machine, "own", "open sesame") == 202
    until(lambda: machine.statuses("own") == ["held", "applied"])
    machine.out("sources", "resume", "own")
    until(lambda: machine.statuses("own") == ["applied", "applied"])

    machine.out("sources", "disable", "own", "--yes")
    assert _post(machine, "own", "open sesame") == 410
    machine.out("sources", "enable", "own")
    assert _post(machine, "own", "open sesame") == 202
    machine.out("sources", "remove", "own", "--yes")
    assert _post(machine, "own", "open sesame") == 404


def _post(machine: Machine, source: str, word: str) -> int:
    import httpx

    url = f"http://127.0.0.1:{machine.port}/in/{source}"
    return httpx.post(url, json={"email": "ann@example.com", "visits": 3}, headers={"x-word": word}).status_code


def test_what_is_no_event_is_listed_with_its_reason(machine: Machine) -> None:
    assert _post(machine, "demo-stripe", "nobody knows it") == 401
    rejected = until(lambda: json.loads(machine.run("events", "rejected", "demo-stripe", "--json").stdout))
    assert rejected[0]["reason"]
    assert rejected[0]["id"] in machine.run("events", "rejected", "demo-stripe").stdout
    machine.run("sources", "add", "scriptless")
    assert _post(machine, "scriptless", "anything") == 200
    (sample,) = until(lambda: json.loads(machine.run("events", "samples", "scriptless", "--json").stdout))
    assert sample["reason"] == "no script yet"


def test_a_question_that_is_answered_no_changes_nothing(machine):
    for command in ("disable", "remove"):
        result = machine.run("sources", command, "demo-stripe", input="n\n")
        assert result.exit_code == 1
    assert machine.json("sources", "show", "demo-stripe")["state"] == "live"


def test_a_refused_script_names_file_line_and_column(machine, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n\n\ndef transform(request, context):\n    return open('/etc/passwd')\n")
    checked = machine.run("scripts", "check", str(bad))
    assert checked.exit_code == 1
    assert checked.stdout.startswith(f"{bad}:1:8: ")
    pushed = machine.run("scripts", "push", "demo-stripe", str(bad), "--publish")
    assert pushed.exit_code == 1
    assert "line 1, column 8" in pushed.stderr
    good = tmp_path / "good.py"
    good.write_text(GOOD_SCRIPT)
    assert machine.out("scripts", "check", str(good)).startswith(f"{good}: good")


def test_a_key_alone_is_on_standard_output_and_works_until_it_is_revoked(machine):
    import httpx

    result = machine.run("keys", "create", "--name", "shell", "--role", "sender")
    key = result.stdout.strip()
    assert "\n" not in key
    assert key not in result.stderr

    def post() -> int:
        url = f"http://127.0.0.1:{machine.port}/api/upsertContact"
        return httpx.post(
            url, json={"identifiers": {"email": "bob@example.com"}}, headers={"x-api-key": key}
        ).status_code

    assert post() == 202
    (row,) = [row for row in machine.json("keys", "list") if row["name"] == "shell"]
    assert key not in json.dumps(row)
    machine.out("keys", "revoke", row["id"])
    assert post() == 401


def test_events_are_replayed_one_by_one_and_by_filter(machine):
    machine.out("send", "demo-github", "--count", "3")
    until(lambda: set(machine.statuses("demo-github")) <= {"applied", "ignored"})
    events = machine.json("events", "list", "--source", "demo-github", "--since", "1h")
    said = machine.out("events", "replay", events[0]["id"])
    replay_id = said.split()[-1]
    until(lambda: machine.run("events", "show", replay_id).exit_code == 0)
    assert "Replay" in machine.run("events", "replay", "--source", "demo-github", input="n\n").stdout
    before = len(machine.statuses("demo-github"))
    assert "replays are queued" in machine.out("events", "replay", "--source", "demo-github", "--yes")
    until(lambda: len(machine.statuses("demo-github")) > before)


def test_the_queue_says_who_works_and_what_redis_promises(machine):
    status = machine.json("queue", "status")
    assert len(status["workers"]) >= 1
    assert status["appendfsync"] == "always"
    assert status["warnings"] == []
    assert "live" in machine.out("queue", "status")


@pytest.mark.parametrize("name", ["worker", "gateway", "valkey"])
def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost(machine, name):
    """What was applied before the kill stays applied; what comes after it is taken by the next one."""
    before = machine.children()[name]
    sent = len(machine.statuses("demo-shopify"))
    machine.out("send", "demo-shopify", "--count", "5")
    until(lambda: len(machine.statuses("demo-shopify")) >= sent + 5)
    os.kill(before, signal.SIGKILL)
    until(lambda: machine.children().get(name, before) != before)
    assert f"{name} was killed by SIGKILL; it is started again in" in machine.said
    until(lambda: machine.run("send", "demo-shopify", "--count", "1").exit_code == 0)
    until(lambda: len(machine.statuses("demo-shopify")) >= sent + 6)


def test_a_second_up_in_the_same_folder_is_refused_and_hears_who_has_it(machine):
    second = subprocess.run(
        [*PROGRAM, "up"], env=machine.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert second.returncode == 1
    assert f"process {machine.process.pid}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert machine.run("queue", "status").exit_code == 0


def test_a_port_in_use_is_said_at_once_and_nothing_is_left_running(machine, fresh):
    fresh.port = machine.port
    assert fresh.up().process.wait(PATIENCE_SECONDS) == 1
    assert f"port {machine.port} on 127.0.0.1 is in use" in fresh.said
    assert len(fresh.said.splitlines()) == 1
    assert not processes_of(fresh.folder)


def test_ctrl_c_stops_everything_and_leaves_no_process(fresh):
    fresh.up().until_ready()
    started = descendants_of(fresh.process.pid)
    assert len(started) >= 5  # Valkey, gateway, worker and a fork server for each of the latter two
    assert fresh.end(signal.SIGINT) == 0, fresh.said
    assert "stopped" in fresh.said
    assert "killed" not in fresh.said
    assert not list(filter(is_alive, started))


def test_ctrl_c_while_it_starts_leaves_no_process(fresh):
    fresh.up()
    until(lambda: (fresh.folder / "valkey.sock").exists())
    assert fresh.end(signal.SIGINT) == 0, fresh.said
    assert "ready" not in fresh.said
    assert not processes_of(fresh.folder)


def test_after_a_kill_of_an_up_without_demo_its_children_go_too_and_a_new_one_takes_over(fresh):
    fresh.up().until_ready()
    assert "sources add shop --plugin shopify" in fresh.said
    assert "there are no sources yet" in fresh.run("sources", "list").stderr
    started = descendants_of(fresh.process.pid)
    assert fresh.end(signal.SIGKILL) == -signal.SIGKILL
    fresh.log.write_text("")
    fresh.up().until_ready()
    until(lambda: not list(filter(is_alive, started)))
    assert fresh.end() == 0, fresh.said
