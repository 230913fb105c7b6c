"""Loop: how a program runs and how it ends.

Takes a program, runs it on uvloop where that is to be had, and hears the signals that end it.
"""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import uvicorn

from gateway.logs import log

# A supervisor waits ten seconds before it kills.
STOP_SECONDS = 9.0


def _new_event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ImportError:  # not made for this platform
        return asyncio.new_event_loop
    return new_event_loop


def run(program: Coroutine[Any, Any, None]) -> None:
    """Run a program to its end."""
    with asyncio.Runner(loop_factory=_new_event_loop()) as runner:
        runner.run(program)


def spare_the_collector() -> None:
    """Look for garbage less often, and never among what the start has made: a batch makes many objects, hardly a cycle.

    Measured: a sixth of the worker's time, and pauses of a tenth of a second in the gateway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def hear_stop(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM or Ctrl-C; the second one, or a stop that takes too long, ends the process at once.

    What is durable is so at any moment: to end where it stands loses no more than `kill -9` does, nothing.
    """
    asked: list[threading.Timer] = []

    def hear() -> None:
        if asked:
            _end_now("asked twice")
        asked.append(threading.Timer(STOP_SECONDS, _end_now, ["it took too long"]))
        asked[0].daemon = True
        asked[0].start()
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear)


def _end_now(why: str) -> None:
    log.warning("ended_at_once", why=why)
    os._exit(1)


class Server(uvicorn.Server):
    """uvicorn without its signals: it raises them again when it ends, and the flushes would not be waited for."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
