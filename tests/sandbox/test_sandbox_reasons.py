"""Reasons: whatever limit ends a request, its event says which one, and how high it is; another child is soon there."""

import re
import time

import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script

from gateway.sandbox.limits import Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(
    authenticate_cpu_seconds=0.03,
    transform_cpu_seconds=0.05,
    load_seconds=0.5,  # and four times that for a machine that is busy
    memory_bytes=16 << 20,
    result_bytes=4096,
    log_bytes=100,
    actions_count=3,
)
ENDS = {
    "limit: cpu 0.05 s (transform)": "while True: pass",
    "limit: memory 16 MiB": "x = 'a' * (100 << 20)",
    "limit: result 4 KiB": "return [{'a': 'x' * 5000}]",
    "limit: 3 actions": "return [{'a': 1}] * 4",
    "limit: recursion 1000 calls": "return transform(request, context)",
    "limit: 254 levels in an action": "v = []\n    for _ in range(300): v = [v]\n    return [{'a': v}]",
}


def transform(code: str) -> str:
    return f"def transform(request, context):\n    {code}\n"


@pytest.mark.parametrize("reason", ENDS)
async def test_the_limit_that_ended_a_request_is_named_with_its_height(play, reason):
    outcome = await play(transform(ENDS[reason]), limits=LIMITS)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage, outcome.reason) == (
        "failed",
        True,
        "transform",
        reason,
    )


async def test_the_wall_clock_is_named_where_it_ends_a_request(play):
    outcome = await play(transform("while True: pass"), limits=Limits(transform_cpu_seconds=60, wall_seconds=0.2))
    assert outcome.reason == "limit: wall_clock 0.2 s"


async def test_so_many_values_that_they_would_burden_the_gateway_are_named_as_such(play):
    outcome = await play(transform("return [{'a': [0] * 60_000}]"))
    assert outcome.reason == "limit: 50000 values in the actions"


async def test_a_log_over_its_limit_is_cut_and_ends_nothing(play):
    outcome = await play(transform("print('x' * 1000)\n    return [{'a': 1}]"), limits=LIMITS)
    assert (outcome.kind, outcome.reason) == ("actions", None)
    assert outcome.logs == "x" * 100 + "\n… (the log was cut at 100 bytes)"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", r"limit: load 0\.5 s"),
        ("def f(): f()\nf()", r".*limit: recursion 1000 calls"),
        ("x = 'a' * (100 << 20)", r".*limit: memory 16 MiB"),
        ("# " + "x" * 70_000, r".*the limit is 64 KiB"),
    ],
)
async def test_a_limit_that_a_script_meets_while_it_is_loaded_is_named_too(play, code, reason):
    outcome = await play(f"{code}\n{transform('pass')}", limits=LIMITS)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "load")
    assert re.fullmatch(reason, outcome.reason), outcome.reason


async def test_after_a_death_the_next_request_finds_a_new_child(pool, figure):
    """Tells how long it takes from the limit to the next answer; asserts that there is one."""
    limits = Limits(transform_cpu_seconds=60, wall_seconds=0.1)
    script = make_script(YES + transform("while request.json['n']: pass\n    return [{'n': 0}]"), limits=limits)
    took = []
    for _ in range(10):
        await pool.run(script, make_head(), b'{"n": 0}', event_id=EVENT_ID)
        began = time.perf_counter()
        assert (await pool.run(script, make_head(), b'{"n": 1}', event_id=EVENT_ID)).reason == "limit: wall_clock 0.1 s"
        assert (await pool.run(script, make_head(), b'{"n": 0}', event_id=EVENT_ID)).kind == "actions"
        took.append((time.perf_counter() - began - limits.wall_seconds) * 1e3)
    figure(f"killed and replaced in {sorted(took)[5]:.0f} ms p50, {max(took):.0f} ms at worst")
