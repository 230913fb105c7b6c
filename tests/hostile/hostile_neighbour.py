"""Neighbour: a healthy source under constant load, all the time that hostile scripts run beside it.

Starts its sender, a process of its own; gives the posts of a while with what each heard and how long that took. Never
judges how long.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from running import PATIENCE_SECONDS

SOURCE = "neighbour"
RATE = 100


@dataclass(frozen=True, slots=True, order=True)
class Post:
    number: int
    due: float  # by time.monotonic, which is one clock for all processes
    seconds: float  # from then to its answer
    status: int  # 0: the connection broke
    event_id: str


@dataclass
class Neighbour:
    """The process that posts, seen from a test."""

    process: subprocess.Popen[bytes]
    lines: TextIO
    answered: list[Post] = field(default_factory=list)

    async def posts(self, since: float = 0.0) -> list[Post]:
        """Give every post that was due between then and now, once all are answered."""
        until, give_up_at = time.monotonic(), time.monotonic() + 2 * PATIENCE_SECONDS
        while True:
            self._read()
            due = [post for post in self.answered if post.due <= until]
            if len(due) < len(self.answered) and due[-1].number == len(due) - 1:
                return [post for post in due if post.due >= since]
            assert self.process.poll() is None, "the neighbour's sender ended"
            assert time.monotonic() < give_up_at, "a post of the neighbour was never answered"
            await asyncio.sleep(0.1)

    def _read(self) -> None:
        """Take up what was written since; a line that is not whole yet is read again."""
        while (line := self.lines.readline()).endswith("\n"):
            number, due, seconds, status, event_id = line.split()
            self.answered.append(Post(int(number), float(due), float(seconds), int(status), event_id))
        self.lines.seek(self.lines.tell() - len(line))
        self.answered.sort()


@contextmanager
def keep_posting(port: int, folder: Path) -> Iterator[Neighbour]:
    """Run the process that posts to the neighbour's source of a gateway."""
    path, program = folder / "neighbour.txt", Path(__file__).with_name("neighbour_sender.py")
    with path.open("wb") as output, path.open() as lines:
        command = [sys.executable, str(program), str(port), f"/in/{SOURCE}", str(RATE)]
        process = subprocess.Popen(command, stdout=output)
        try:
            yield Neighbour(process, lines)
        finally:
            process.terminate()
            process.wait()


def latencies(posts: list[Post]) -> str:
    """Say how long the answers took, in words for people."""
    took = sorted(post.seconds * 1000 for post in posts)
    return f"p50 {took[len(took) // 2]:.1f} ms, p99 {took[len(took) * 99 // 100]:.1f} ms"
