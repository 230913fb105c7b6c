"""Loop: asyncio on uvloop where it is to be had."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


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
