"""Given up: a request whose sender is gone before its sandbox is born, on both loops that the product runs on."""

import asyncio
import socket

import pytest
import uvloop
from sandbox_children import EVENT_ID, YES, make_head, make_script

from gateway.sandbox.channel import Channel
from gateway.sandbox.pool import Pool

ECHO = YES + "def transform(request, context):\n    return [{'n': 1}]\n"


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
async def test_a_birth_that_is_given_up_at_whatever_moment_is_buried_and_nobody_s_fault(new_loop, monkeypatch):
    def run_in_a_loop_of_its_own() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_give_births_up(monkeypatch))

    await asyncio.to_thread(run_in_a_loop_of_its_own)


async def _give_births_up(monkeypatch) -> None:
    """Cancel requests while their children are being connected to: later each time, by one turn of the loop."""
    own, loop, open_channel = Pool(), asyncio.get_running_loop(), Channel.open
    await own.start()

    def give_up(after: int) -> None:
        if after:
            loop.call_soon(give_up, after - 1)
        else:
            request.cancel()

    for turns in range(6):

        async def open_and_give_up(channel: Channel, child: socket.socket, turns: int = turns) -> None:
            loop.call_soon(give_up, turns)
            await open_channel(channel, child)

        monkeypatch.setattr(Channel, "open", open_and_give_up)
        request = asyncio.ensure_future(
            own.run(make_script(ECHO), make_head(), b"{}", event_id=EVENT_ID, is_measured=True)
        )
        await asyncio.gather(request, return_exceptions=True)
    async with asyncio.timeout(20):
        await own.close()
    assert own.stats().deaths == 0
