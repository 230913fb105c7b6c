"""Service: one child process of `up`.

Takes a command, gives a running process: in a process group of its own (Ctrl-C in the terminal reaches
only `up`), without standard input, and dying with its parent where the system can promise that (Linux).
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Service:
    """`death_signal` is what it gets when `up` itself is killed; `kept_descriptors` are inherited.

    `last_words` tells what a person needs when it dies at the start and does not say so itself.
    """

    name: str
    argv: tuple[str, ...]
    death_signal: signal.Signals = signal.SIGKILL
    kept_descriptors: tuple[int, ...] = ()
    last_words: Callable[[], str] = str
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    async def spawn(self) -> asyncio.subprocess.Process:
        """Start the process. Call it from the main thread: Linux ties "parent" to the thread that forked."""
        return await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.DEVNULL,
            env=self.environment,
            pass_fds=self.kept_descriptors,
            process_group=0,
            preexec_fn=_tie_to_parent(os.getpid(), self.death_signal),
        )


def _tie_to_parent(parent_id: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent_id:  # it died between fork and prctl, and no signal will come
            os._exit(1)

    return tie


async def end(process: asyncio.subprocess.Process, *, grace_seconds: float, hurry: asyncio.Event) -> bool:
    """Ask the process to stop and wait; kill its group when the grace is over or somebody is in a hurry.

    True if it went by itself.
    """
    _signal(process, signal.SIGTERM)
    waits = {asyncio.ensure_future(process.wait()), asyncio.ensure_future(hurry.wait())}
    _, late = await asyncio.wait(waits, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in late:
        wait.cancel()
    if process.returncode is not None:
        return True
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    return False


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def describe_end(code: int) -> str:
    """Say in words how a process ended: `ended with exit code 1`, `was killed by SIGKILL`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
