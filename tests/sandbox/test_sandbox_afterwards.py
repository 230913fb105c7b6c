"""Afterwards: what a child does once it has answered, where the fence has fallen. It dies, or works, for itself."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sandbox_children import EVENT_ID, make_head, make_script

from gateway.errors import SandboxUnavailable
from gateway.sandbox.limits import MIB, Limits
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


needs_clocks = pytest.mark.skipif(sys.platform != "linux", reason="nobody reads another process's clock here")


@asynccontextmanager
async def unfenced() -> AsyncIterator[Pool]:
    pool = Pool(is_fenced=False)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


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


def spin(seconds: float) -> str:
    """Write how a child uses so much CPU: without a name that is gone by then."""
    loop = f"for until in [clock() + {seconds}] for _ in iter(lambda: clock() < until, False)"
    return f"lambda clock=time.process_time: [None {loop}]"


async def run_spaced(pool: Pool, script: Script, count: int, pause_seconds: float) -> None:
    """Ask again and again, as a sender would; whoever is paused was caught."""
    for _ in range(count):
        assert (await run(pool, script)).kind == "actions"
        await asyncio.sleep(pause_seconds)


@needs_clocks
@pytest.mark.parametrize(("seconds", "pause_seconds"), [(0.8, 0), (0.8, 0.9), (0.05, 0.2)])
async def test_a_child_that_works_between_requests_is_killed_and_puts_its_source_on_backoff(
    unfenced_pool, seconds, pause_seconds
):
    """While the next one waits already, or while nobody does; long, or short but each time."""
    script = make_hooked(spin(seconds))
    with pytest.raises(SandboxUnavailable, match="takes nothing just now"):
        await run_spaced(unfenced_pool, script, 200, pause_seconds)
    assert unfenced_pool._health._backoffs[script.source].until > 0


@needs_clocks
async def test_who_comes_to_a_child_that_works_for_itself_is_asked_to_come_again_and_has_not_failed():
    async with unfenced() as pool:
        script = make_hooked(spin(30))
        assert (await run(pool, script)).kind == "actions"
        crowd = await asyncio.gather(*(run(pool, script) for _ in range(5)), return_exceptions=True)
        assert {type(each) for each in crowd} == {SandboxUnavailable}
        assert (pool.stats().deaths, pool.stats().reruns) == (1, 5)
        pool.forget_deaths(script.source)
        assert (await run(pool, script)).kind == "actions"


async def test_honest_children_are_never_taken_for_idle_workers(pool):
    """Large bodies, large answers, all of memory used and given back, many at once and one by one."""
    text = """
def authenticate(request, context):
    return True


def transform(request, context):
    kept = [["x" * 5_000] for _ in range(5_000)]
    return [{"a": request.text[:900_000], "n": len(kept)}]
"""
    limits = Limits(transform_cpu_seconds=5, authenticate_cpu_seconds=5, wall_seconds=15)
    deaths = pool.stats().deaths
    script, body = make_script(text, limits=limits), b'"' + b"x" * (MIB - 10) + b'"'
    ask = partial(pool.run, script, make_head(), event_id=EVENT_ID)
    for _ in range(5):
        outcomes = await asyncio.gather(*(ask(body=body) for _ in range(8)))
        outcomes += [await ask(body=each) for each in (b'""', body) for _ in range(10)]
        outcomes.append(await ask(body=b'"' + b"x" * 9 * MIB + b'"'))
        assert {outcome.kind for outcome in outcomes} == {"actions"}, outcomes
    assert pool.stats().deaths == deaths


async def test_a_child_that_outlives_its_socket_is_killed():
    async with unfenced() as pool:
        script = make_hooked(spin(3_600))
        assert (await run(pool, script)).kind == "actions"
        (channel,) = pool._children
        pool.retire(script.source)
        for _ in range(1_000):
            if not os.path.exists(f"/proc/{channel.pid}"):
                break
            await asyncio.sleep(0.01)
        assert not os.path.exists(f"/proc/{channel.pid}")
