"""Processes: the servers that are measured, each a process of its own, started here and stopped here.

Takes a command, gives a process that answers; and what it has used of the CPU. What a server writes goes
to a file, as it would in production; the file's end is shown when it does not start.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0


@contextmanager
def run(
    argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module as a process, and stop it at the end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when somebody listens there. Raises RuntimeError with the end of the log."""
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")


def cpu_seconds(pid: int) -> float:
    """Give the CPU time that a process has used; 0 where the system does not tell (no /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
