"""The supervisor with real processes: started, died, started again, stopped in order."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from running import PATIENCE_SECONDS

from gateway.errors import OperatorError
from gateway.supervise import supervisor as supervisor_module
from gateway.supervise.service import Service, describe_end, end
from gateway.supervise.supervisor import Supervisor


def python(name: str, text: str, **options: object) -> Service:
    return Service(name, (sys.executable, "-I", "-S", "-c", textwrap.dedent(text)), **options)


def shell(name: str, text: str, **options: object) -> Service:
    return Service(name, ("/bin/sh", "-c", text), **options)


async def until(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)


def is_alive(process_id: int) -> bool:
    """Look past zombies: who has ended and was not collected by a foreign parent counts as gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_service_that_is_killed_is_started_again_and_the_reason_is_said():
    said: list[str] = []
    async with Supervisor(said.append) as supervisor:
        await supervisor.start(shell("sleeper", "exec sleep 60"))
        supervisor.settle()
        first = supervisor.process_id("sleeper")
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.process_id("sleeper") != first)
        assert is_alive(supervisor.process_id("sleeper"))
    assert said == ["sleeper was killed by SIGKILL; it is started again in 0.1 s"]


async def test_the_pause_before_each_new_start_grows_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(supervisor_module, "PAUSE_MIN_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "PAUSE_MAX_SECONDS", 0.03)
    said: list[str] = []
    async with Supervisor(said.append) as supervisor:
        await supervisor.start(shell("loser", "sleep 0.05; exit 3"))
        supervisor.settle()
        await until(lambda: len(said) >= 4)
    assert [line.rpartition("in ")[2] for line in said[:4]] == ["0.01 s", "0.02 s", "0.03 s", "0.03 s"]
    assert all("loser ended with exit code 3" in line for line in said)


async def test_a_service_that_dies_while_starting_ends_the_start_with_its_last_words():
    async with Supervisor(lambda _: None) as supervisor:
        await supervisor.start(shell("broken", "exit 7", last_words=lambda: "no such socket"))
        with pytest.raises(OperatorError) as caught:
            await asyncio.wait_for(supervisor.watch_start(), PATIENCE_SECONDS)
    assert caught.value.detail == "broken ended with exit code 7 while starting. no such socket"


async def test_what_was_started_first_is_stopped_last(tmp_path):
    log = tmp_path / "log"
    text = """
        import signal, sys, time
        def stop(*_):
            time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
            with open({log!r}, "a") as file: file.write({name!r} + "\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        open({log!r} + "." + {name!r}, "w").close()
        signal.pause()
    """
    names = ("queue", "server", "worker")
    queue, server, worker = (python(name, text.format(log=str(log), name=name)) for name in names)
    slow_server = Service("server", (*server.argv, "0.2"))
    async with Supervisor(lambda _: None) as supervisor:
        await supervisor.start(queue)
        await supervisor.start(slow_server, worker)
        supervisor.settle()
        await until(lambda: all((tmp_path / f"log.{name}").exists() for name in names))
    assert log.read_text().split() == ["worker", "server", "queue"]


async def test_leaving_leaves_no_process_also_after_an_error():
    ids: list[int] = []

    async def start_and_break() -> None:
        async with Supervisor(lambda _: None) as supervisor:
            await supervisor.start(shell("one", "exec sleep 60"), shell("two", "exec sleep 60"))
            ids.extend(supervisor.process_id(name) for name in ("one", "two"))
            raise RuntimeError("the start broke")

    with pytest.raises(RuntimeError, match="the start broke"):
        await start_and_break()
    assert len(ids) == 2
    assert not any(map(is_alive, ids))


async def test_who_does_not_stop_is_killed_with_its_group_when_somebody_is_in_a_hurry(tmp_path):
    ready = tmp_path / "ready"
    # The grandchild is of the same group: it goes as well.
    stubborn = shell("stubborn", f"trap '' TERM; sleep 60 & echo $! > {ready}.new; mv {ready}.new {ready}; wait; wait")
    said: list[str] = []
    async with Supervisor(said.append) as supervisor:
        await supervisor.start(stubborn)
        supervisor.settle()
        await until(ready.exists)
        ids = [supervisor.process_id("stubborn"), int(ready.read_text())]
        supervisor.hurry()
    assert said == ["stubborn did not stop and was killed"]
    await until(lambda: not any(map(is_alive, ids)))


async def test_who_does_not_stop_is_killed_when_its_grace_is_over(tmp_path):
    ready = tmp_path / "ready"
    process = await shell("stubborn", f"trap '' TERM; touch {ready}; while :; do sleep 1; done").spawn()
    await until(ready.exists)
    assert not await end(process, grace_seconds=0.05, hurry=asyncio.Event())
    assert process.returncode == -signal.SIGKILL


async def test_a_service_has_a_process_group_of_its_own_and_no_input(tmp_path):
    found = tmp_path / "found"
    text = f"""
        import os, sys
        open({str(found)!r}, "w").write(f"{{os.getpgrp() == os.getpid()}} {{sys.stdin.read()!r}}")
    """
    process = await python("curious", text).spawn()
    assert await process.wait() == 0
    assert found.read_text() == "True ''"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_a_service_dies_with_a_parent_that_is_killed():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import asyncio\nfrom gateway.supervise.service import Service\n"
            "async def run():\n"
            "    process = await Service('child', ('/bin/sleep', '60')).spawn()\n"
            "    print(process.pid, flush=True)\n"
            "    await process.wait()\n"
            "asyncio.run(run())",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child_id = int(parent.stdout.readline())
        assert is_alive(child_id)
        parent.kill()
    await until(lambda: not is_alive(child_id))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (1, "ended with exit code 1"),
        (-9, "was killed by SIGKILL"),
        (-999, "was killed by signal 999"),
    ],
)
def test_the_end_of_a_process_is_said_in_words(code, words):
    assert describe_end(code) == words
