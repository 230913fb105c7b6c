"""Strict: what the whole wall is, and who else is asked to stand behind when a source burns."""

import asyncio
import os
from contextlib import suppress

import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script

from gateway.errors import SandboxUnavailable
from gateway.sandbox import nursery, seccomp
from gateway.sandbox.limits import Limits
from gateway.sandbox.pool import Pool
from gateway.sandbox.proof import WALL, missing_of_wall, require_wall

needs_wall = pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine")

WHOLE = dict.fromkeys(WALL, "on")


@pytest.mark.parametrize("layer", WALL)
def test_strict_mode_does_not_start_without_any_layer_of_the_wall_and_names_it(layer: str) -> None:
    require_wall(WHOLE)
    with pytest.raises(SandboxUnavailable) as caught:
        require_wall({**WHOLE, layer: "off: for a reason"})
    assert caught.value.detail.endswith(f"the whole wall: {layer} is off: for a reason")
    assert missing_of_wall({name: "on" for name in WALL if name != layer}) == [f"{layer} is not reported"]


def test_strict_mode_starts_without_what_only_some_machines_have() -> None:
    require_wall({**WHOLE, "landlock": "off: ENOSYS", "user": "off: not root", "network": "off: needs root"})


@needs_wall
async def test_a_strict_pool_starts_where_the_wall_stands_and_reports_it() -> None:
    pool = Pool(is_strict=True)
    assert pool.report == {}
    await pool.start()
    await pool.close()
    assert missing_of_wall(pool.report) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give back what was taken")
async def test_a_child_that_burns_is_held_back_for_a_while_and_not_for_the_next_request() -> None:
    pool = Pool()
    await pool.start()
    try:
        code = "def transform(request, context):\n    while request.json: pass\n"
        limits = Limits(transform_cpu_seconds=60, wall_seconds=2)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        script = make_script(YES + code, limits=limits)
        await pool.warm(script)
        (channel,) = pool._children
        burning = asyncio.ensure_future(pool.run(script, make_head(), b"[1]", event_id=EVENT_ID))
        seen = [0]
        while not burning.done():
            with suppress(ProcessLookupError):
                if (nice := os.getpriority(os.PRIO_PROCESS, channel.pid) - own) != seen[-1]:
                    seen.append(nice)
            await asyncio.sleep(0.01)
        assert seen[:2] == [0, 5]
        assert (await burning).reason == "limit: wall_clock 2 s"

        short = make_script(YES + "def transform(request, context):\n    return [{'n': sum(range(3_000_000))}]\n")
        await pool.warm(short)
        (channel,) = pool._children
        assert (await pool.run(short, make_head(), b"{}", event_id=EVENT_ID)).kind == "actions"
        while os.getpriority(os.PRIO_PROCESS, channel.pid) != own:
            await asyncio.sleep(0.01)
    finally:
        await pool.close()


@pytest.mark.parametrize("is_strict", [True, False])
async def test_where_the_wall_is_not_whole_strict_mode_alone_refuses_to_start(
    is_strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that cannot limit memory: told by every child of it."""

    async def tell(*_: object) -> dict[str, str]:
        return {**WHOLE, "limits": "off: no limit on memory on this system"}

    monkeypatch.setattr(nursery, "prove_wall", tell)
    pool = Pool(is_strict=is_strict)
    try:
        if is_strict:
            with pytest.raises(SandboxUnavailable, match="limits is off: no limit on memory"):
                await pool.start()
        else:
            assert (await pool.start())["limits"].startswith("off: ")
    finally:
        await pool.close()
