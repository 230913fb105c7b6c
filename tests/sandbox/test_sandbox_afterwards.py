"""Afterwards: what a child does once it has answered, where the fence has fallen. It dies, or works, for itself."""

import asyncio
import os
import signal

import pytest
from sandbox_children import EVENT_ID, make_head, make_script

from gateway.errors import SandboxUnavailable
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Plain Python that lives on in its child: globals are gone after the request, what a function was given is not.
HOOK = """
import os, sys, time


def afterwards(act):
    frame = sys._getframe()
    while frame.f_code.co_name != "serve":
        frame = frame.f_back
    channel = type(frame.f_locals["self"]._channel)
    if channel.wait.__name__ != "wait":
        return

    def act_and_wait(self, wait=channel.wait):
        self.flush()
        act()
        return wait(self)

    channel.wait = act_and_wait


def authenticate(request, context):
    afterwards(ACT)
    return VERDICT


def transform(request, context):
    return [{"a": 1}]
"""
EXIT = "lambda leave=os._exit: leave(0)"
CRASH = "lambda crash=os.abort: crash()"


def make_hooked(act: str, verdict: bool = True, limits: Limits | None = None) -> Script:
    return make_script(HOOK.replace("ACT", act).replace("VERDICT", str(verdict)), limits=limits or Limits())


async def run(pool: Pool, script: Script) -> Outcome:
    return await asyncio.wait_for(pool.run(script, make_head(), b"{}", event_id=EVENT_ID), 20)


async def run_until_death(pool: Pool, script: Script) -> Outcome:
    """Run a request, and see the child that ran it die."""
    deaths = pool.stats().deaths
    outcome = await run(pool, script)
    for _ in range(1_000):
        if pool.stats().deaths > deaths:
            return outcome
        await asyncio.sleep(0.01)
    raise AssertionError("the child lives on")


@pytest.mark.parametrize("act", [EXIT, CRASH])
async def test_a_child_that_dies_after_each_genuine_answer_puts_its_source_on_backoff(unfenced_pool, act):
    script = make_hooked(act)
    with pytest.raises(SandboxUnavailable, match="takes nothing just now"):
        for _ in range(20):
            assert (await run_until_death(unfenced_pool, script)).kind == "actions"


async def test_a_child_that_dies_after_refusing_a_stranger_shuts_nobody_out(unfenced_pool):
    script = make_hooked(EXIT, verdict=False)
    for _ in range(20):
        assert (await run_until_death(unfenced_pool, script)).kind == "rejected"


async def test_a_child_at_rest_that_somebody_else_kills_is_nobody_s_fault(unfenced_pool):
    script = make_script(HOOK.replace("afterwards(ACT)", "pass").replace("VERDICT", "True"))
    for _ in range(20):
        await unfenced_pool.warm(script)
        (channel,) = unfenced_pool._children._by_key[script.source, script.revision]
        deaths = unfenced_pool.stats().deaths
        os.kill(channel.pid, signal.SIGKILL)
        while unfenced_pool.stats().deaths == deaths:
            await asyncio.sleep(0.005)
    assert (await run(unfenced_pool, script)).kind == "actions"
