"""Where memory or the room for a result ends: the limit is named, and a crash in C is the last way to learn of it."""

import orjson
import pytest
from sandbox_children import play_script

from gateway.sandbox.death import reason_of
from gateway.sandbox.forkserver import Ending
from gateway.sandbox.limits import MIB, Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMORY, RESULT = "limit: memory 64 MiB", "limit: result 1 MiB"
PATIENT = Limits(transform_cpu_seconds=10, wall_seconds=20)
SMALL_BODY = orjson.dumps([{"a": [n] * 3, "b": {"c": "x"}} for n in range(25_000)])
SMALL_XML = b"<r>" + b"<a b='1'/>" * 90_000 + b"</r>"


def transform(code: str, imported: str = "Ignore") -> str:
    return f"from gateway.toolbox import {imported}\ndef transform(request, context):\n    {code}\n"


def holding(mebibytes: int, expression: str, imported: str = "Ignore") -> str:
    code = f"held = [bytes(1024 * 1024) for _ in range({mebibytes})]\n    return [{{'a': len({expression})}}]"
    return transform(code, imported)


@pytest.mark.parametrize(
    "code",
    [
        "return [{'a': 'x' * 200_000}] * 1000",
        "return [{'a': str(n) * 200_000} for n in range(100)]",
        "return [{'k' * 200_000: 1}] * 900",
        "return [{'a': ['x' * 200_000] * 1000}]",
        "return [{'a': '\\x01' * 6_000_000}]",
        "return [{'a': 'x' * 200_000, 'b': request.received_at}] * 1000",
        "row = [0] * 1000\n    return [{'a': [[row] * 100] * 100}]",
    ],
)
async def test_a_result_that_would_be_endless_is_refused_before_it_is_written(pool, play, code):
    deaths = pool.stats().deaths
    outcome = await play(transform(code), limits=PATIENT)
    assert (outcome.kind, outcome.stage, outcome.reason) == ("failed", "transform", RESULT)
    assert pool.stats().deaths == deaths


@pytest.mark.parametrize("value", ["[7] * 40_000", "[None] * 40_000", "['\\x01' * 100_000]", "[1.5, 'é' * 400_000]"])
async def test_a_result_within_the_limit_is_written_whatever_it_is_made_of(play, value):
    outcome = await play(transform(f"return [{{'a': {value}}}]"))
    assert (outcome.kind, outcome.reason) == ("actions", None)
    assert orjson.loads(outcome.actions) == [{"a": eval(value)}]


@pytest.mark.parametrize("expression", ["request.json", "parse_json(request.text)"])
async def test_json_that_finds_no_memory_names_the_limit(pool, play, expression):
    deaths = pool.stats().deaths
    outcome = await play(holding(76, expression, "parse_json"), SMALL_BODY, limits=PATIENT)
    assert (outcome.kind, outcome.reason) == ("failed", MEMORY)
    assert pool.stats().deaths == deaths


@pytest.mark.parametrize("mebibytes", [55, 60, 66, 72, 76, 78])
async def test_xml_that_finds_no_memory_names_the_limit(play, mebibytes):
    text = holding(mebibytes, "str(parse_xml(request.text))", "parse_xml")
    outcome = await play(text, SMALL_XML, limits=PATIENT)
    assert (outcome.kind, outcome.reason) == ("failed", MEMORY)


@pytest.mark.parametrize(
    ("signal", "grown_mib", "reason"),
    [
        (11, 60, MEMORY),
        (6, 60, MEMORY),
        (0, 60, MEMORY),
        (11, 1, "the sandbox crashed (SIGSEGV)"),
        (0, 1, "the sandbox ended without an answer"),
        (8, 60, "the sandbox crashed (SIGFPE)"),
    ],
)
async def test_a_crash_is_called_a_memory_limit_only_where_memory_was_taken(signal, grown_mib, reason):
    limits = Limits()
    assert reason_of(Ending(signal, grown_mib * MIB), limits, limits.memory_budget_bytes(0)) == reason


async def test_a_crash_for_want_of_memory_is_told_by_how_far_the_child_had_grown(unfenced_pool):
    crash = "import ctypes\ndef transform(request, context):\n    held = {}\n    ctypes.string_at(1)\n"
    full = await play_script(unfenced_pool, crash.format("b'x' * (50 << 20)"), limits=PATIENT)
    empty = await play_script(unfenced_pool, crash.format("1"), limits=PATIENT)
    assert (full.reason, empty.reason) == (MEMORY, "the sandbox crashed (SIGSEGV)")
