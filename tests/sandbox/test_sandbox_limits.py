"""Limits: what ends a request, what is known of it then, and who else is touched (nobody)."""

import dataclasses
import os
import sys

import orjson
import pytest

from gateway.sandbox.limits import MIB, Limits, describe_bytes
from gateway.sandbox.memory import peak_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOP = "def transform(request, context):\n    while True: pass\n"
QUICK = Limits(authenticate_cpu_seconds=0.03, transform_cpu_seconds=0.05)
GENEROUS = Limits(transform_cpu_seconds=5, wall_seconds=20)

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")


async def test_a_loop_in_transform_ends_and_the_yes_before_it_is_known(play):
    outcome = await play(LOOP, limits=QUICK)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", True, "transform")
    assert outcome.reason == "limit: cpu 0.05 s (transform)"


async def test_a_loop_in_authenticate_ends_and_there_was_no_yes(play):
    text = "def authenticate(request, context):\n    while True: pass\ndef transform(request, context): pass\n"
    outcome = await play(text, limits=QUICK)
    assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "authenticate")
    assert outcome.reason == "limit: cpu 0.03 s (authenticate)"


async def test_a_loop_at_the_top_level_ends_while_loading(play):
    outcome = await play(f"while True: pass\n{LOOP}", limits=Limits(load_seconds=0.1))
    assert (outcome.kind, outcome.stage, outcome.reason) == ("failed", "load", "limit: load 0.1 s")


async def test_the_wall_clock_counts_where_the_cpu_limit_is_generous(play):
    outcome = await play(LOOP, limits=Limits(transform_cpu_seconds=60, wall_seconds=0.1))
    assert outcome.reason == "limit: wall_clock 0.1 s"


@pytest.mark.parametrize(
    "code",
    [
        "try:\n            while True: pass\n        except:\n            pass",
        "any(iter(int, 1))",
        "sum(iter(int, 1))",
        "3 ** 100_000_000",
        "'a' * 1000 in iter(str, 1)",
    ],
)
async def test_no_way_of_looping_outlasts_the_limit(play, code):
    outcome = await play(f"def transform(request, context):\n    while True:\n        {code}\n", limits=QUICK)
    assert outcome.reason == "limit: cpu 0.05 s (transform)"


async def test_a_generator_that_refuses_to_close_is_ended_with_its_request(play):
    text = """
def stubborn():
    try:
        yield 1
    finally:
        while True: pass
def transform(request, context):
    kept = stubborn()
    next(kept)
    return [{"a": 1}]
"""
    outcome = await play(text, limits=QUICK)
    assert (outcome.kind, outcome.reason) == ("failed", "limit: cpu 0.05 s (transform)")


@pytest.mark.parametrize(
    "code",
    [
        "'a' * 10 ** 10",
        "bytes(2 ** 31)",
        "list(range(10 ** 9))",
        "[0] * 2 ** 40",
        "1 << 10 ** 10",
        "f'{1:999}' * 10 ** 9",
    ],
)
async def test_memory_ends_at_its_limit_and_is_named(play, code):
    outcome = await play(f"def transform(request, context):\n    return [{{'a': {code}}}]\n")
    assert (outcome.kind, outcome.is_authenticated, outcome.reason) == ("failed", True, "limit: memory 64 MiB")


@needs_linux
@pytest.mark.parametrize(
    ("code", "least", "most"),
    [
        ("'a' * 3", 0, 4 * MIB),
        ("len(bytes(20 * 1024 * 1024))", 20 * MIB, 24 * MIB),
        ("len([str(n) for n in range(300_000)])", 15 * MIB, 40 * MIB),
        ("len('x' * (70 * 1024 * 1024))", 70 * MIB, 80 * MIB),
    ],
)
async def test_the_peak_of_a_measured_request_is_told_on_the_scale_of_its_limit(play, code, least, most):
    text = f"def transform(request, context):\n    return [{{'a': {code}}}]\n"
    outcome = await play(text, limits=GENEROUS, is_measured=True)
    assert outcome.kind == "actions", outcome
    assert outcome.memory_peak_bytes is not None
    assert least <= outcome.memory_peak_bytes < most


@needs_linux
async def test_a_peak_of_a_large_body_is_measured_against_what_the_body_adds(play):
    items = [{"id": number, "name": f"product {number}"} for number in range(60_000)]
    text = "def transform(request, context):\n    return [{'n': len(request.json)}]\n"
    outcome = await play(text, items, limits=GENEROUS, is_measured=True)
    body_bytes = len(orjson.dumps(items))
    assert outcome.memory_peak_bytes is not None
    assert 10 * body_bytes < outcome.memory_peak_bytes < GENEROUS.memory_budget_bytes(body_bytes)


@needs_linux
async def test_nobody_is_told_the_peak_of_the_request_before(play):
    text = """
def transform(request, context):
    return [{'a': len(bytes(request.json['mib'] * 1024 * 1024))}]
"""
    outcomes = [await play(text, {"mib": mib}, source="peaks", is_measured=True) for mib in (40, 5, 40)]
    peaks = [(outcome.memory_peak_bytes or 0) // MIB for outcome in outcomes]
    assert peaks[0] == peaks[2] == 40
    assert 5 <= peaks[1] < 8


async def test_no_peak_is_told_where_it_is_not_known(pool, play):
    small = "def transform(request, context):\n    return [{'a': 1}]\n"
    assert (await play(small)).memory_peak_bytes is None, "nobody asked"
    assert (await play(LOOP, limits=QUICK, is_measured=True)).memory_peak_bytes is None, "the child is dead"
    outcome = await play("def transform(request, context):\n    return bytes(2 ** 31)\n", is_measured=True)
    assert (outcome.reason, outcome.memory_peak_bytes) == ("limit: memory 64 MiB", None)
    assert peak_bytes(os.getpid(), MIB) is None, "a process without a limit of its address space"
    assert peak_bytes(2**22 + 1, MIB) is None, "no process at all"


async def test_a_measured_request_leaves_no_child_behind(pool, play):
    small = "def transform(request, context):\n    return [{'a': 1}]\n"
    children = pool.stats().children
    await play(small, is_measured=True)
    assert pool.stats().children == children


async def test_requests_leave_no_memory_behind(pool, play):
    text = """
def transform(request, context):
    kept = ['x' * 3_000_000]
    def f():
        return kept, f
    return [{'a': 1}]
"""
    for _ in range(60):
        outcome = await play(text, source="no-leaks")
        assert outcome.kind == "actions", outcome


async def test_what_was_moved_to_an_older_generation_is_not_left_behind_either(pool, play):
    text = """
def transform(request, context):
    rings = []
    for number in range(20_000):
        ring = ['x' * (2000 + number % 2)]
        ring.append(ring)
        rings.append(ring)
    return [{'a': len(rings)}]
"""
    for _ in range(6):
        outcome = await play(text, source="no-old-leaks", limits=Limits(transform_cpu_seconds=5, wall_seconds=20))
        assert outcome.kind == "actions", outcome


async def test_the_log_is_cut_at_its_limit_and_says_so(play):
    outcome = await play("def transform(request, context):\n    for n in range(10_000): print('line', n)\n")
    assert len(outcome.logs.encode()) < 17 * 1024
    assert outcome.logs.endswith("… (the log was cut at 16 KiB)")


async def test_limits_are_the_source_s_own(play):
    text = "def transform(request, context):\n    return [{'a': 'x' * 2000}] * 3\n"
    assert (await play(text, limits=Limits(result_bytes=4096))).reason == "limit: result 4 KiB"
    assert (await play(text, limits=Limits(actions_count=2))).reason == "limit: 2 actions"
    assert (await play(text, limits=Limits(source_bytes=50))).reason.endswith("the limit is 50 bytes")


async def test_a_large_body_runs_with_memory_for_it_and_more_cpu(play):
    items = [{"id": number, "name": f"product {number}"} for number in range(60_000)]
    outcome = await play("def transform(request, context):\n    return [{'n': len(request.json)}]\n", items)
    assert orjson.loads(outcome.actions) == [{"n": 60_000}]


async def test_deep_recursion_in_c_takes_the_child_only(play):
    text = """
def transform(request, context):
    chain = []
    for _ in range(200_000):
        chain = zip(chain)
    return [{"a": list(chain)}]
"""
    outcome = await play(text, limits=Limits(transform_cpu_seconds=5, wall_seconds=5))
    assert (outcome.kind, outcome.is_authenticated) == ("failed", True)


async def test_sizes_are_written_the_way_people_set_them():
    assert [describe_bytes(size) for size in (64 * MIB, 16 * 1024, 900)] == ["64 MiB", "16 KiB", "900 bytes"]


async def test_the_budget_grows_with_the_body():
    limits = Limits()
    assert limits.memory_budget_bytes(100) == limits.memory_budget_bytes(MIB) == 80 * MIB
    assert limits.memory_budget_bytes(10 * MIB) == 224 * MIB
    assert limits.extra_cpu_seconds(2 * MIB) == pytest.approx(0.05)
    assert dataclasses.replace(limits, memory_bytes=MIB).memory_budget_bytes(0) == 17 * MIB
