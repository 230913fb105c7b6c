"""Turns: long work in the gateway, a few milliseconds at a time.

Takes things to do something with, gives them one after the other, and lets whoever else waits for the event loop have
a turn in between. Never cuts one thing in two: how long each takes is for whoever made it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

TURN_SECONDS = 0.005

_Thing = TypeVar("_Thing")


async def in_turns(things: Iterable[_Thing]) -> AsyncIterator[_Thing]:
    """Give each of them, and the event loop to others whenever a turn is over."""
    ends_at = time.perf_counter() + TURN_SECONDS
    for thing in things:
        yield thing
        if time.perf_counter() > ends_at:
            await asyncio.sleep(0)
            ends_at = time.perf_counter() + TURN_SECONDS
