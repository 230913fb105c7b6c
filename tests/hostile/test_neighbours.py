"""Neighbours, in the running gateway: others loop, fill memory, crash, lie and break out; nobody beside them notices.

The fence is switched off here: scripts are plain Python, as if its next hole had been found. Only the wall is left.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running, prepare, run_all

from gateway.operations import events
from gateway.sandbox import seccomp
from gateway.sandbox.pool import Pool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine"),
]

POSTERS = 4
SECONDS = 1.5
BODY = orjson.dumps({"email": "next-door@example.com", "visits": 1})

KNOWS_THE_WORD = (
    '\n\ndef authenticate(request, context):\n    return request.headers.get("x-word") == context.secrets["word"]\n'
)
KILLERS = {
    "loops": "def transform(request, context):\n    while True: pass",
    "fills-memory": "def transform(request, context):\n    kept = []\n    while True: kept.append(bytearray(1 << 20))",
    "crashes": "import ctypes\ndef transform(request, context):\n    ctypes.string_at(0)",
    "ends": "import os\ndef transform(request, context):\n    os._exit(0)",
    "breaks-out": "import socket\ndef transform(request, context):\n    socket.socket()",
    "floods-the-log": "def transform(request, context):\n    while True: print('x' * 100_000)",
    "lies": "import os\ndef transform(request, context):\n    os.write(3, request.body * 99)\n    while True: pass",
    "drips": "import os\ndef transform(request, context):\n    os.write(3, b'\\x09\\0\\0')\n    while True: pass",
    "says-too-much": "def transform(request, context):\n    return [{'action': 'upsertOrder', 'items': [{}] * 10**5}]",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fallen(valkey_url: str) -> AsyncIterator[Running]:
    """Run a gateway whose fence has fallen."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="hw-") as folder:
        for place in ("gateway.serve.gateway", "gateway.operations.operator"):
            patch.setattr(f"{place}.Pool", partial(Pool, is_fenced=False))
        async with run_all(prepare(Path(folder), f"{valkey_url}?db=5")) as running:
            gc.collect()
            gc.freeze()  # a collection of all that the tests have loaded takes 100 ms, and is nobody's neighbour
            yield running
            gc.unfreeze()


async def post(running: Running, source: str, **headers: str) -> httpx.Response:
    return await running.http.post(f"/in/{source}", content=BODY, headers={**WORD, **headers})


async def post_until(running: Running, source: str, end_at: float) -> list[tuple[httpx.Response, float]]:
    """Post again and again; give every answer with the seconds that it took."""
    answers = []
    while (began := time.perf_counter()) < end_at:
        answer = await post(running, source)
        answers.append((answer, time.perf_counter() - began))
        if answer.status_code == 503:
            await asyncio.sleep(0.02)
    return answers


async def load(running: Running, source: str) -> list[tuple[httpx.Response, float]]:
    end_at = time.perf_counter() + SECONDS
    answers = await asyncio.gather(*(post_until(running, source, end_at) for _ in range(POSTERS)))
    return [answer for poster in answers for answer in poster]


def p99_ms(answers: list[tuple[httpx.Response, float]]) -> float:
    seconds = sorted(seconds for _, seconds in answers)
    return seconds[len(seconds) * 99 // 100] * 1000


async def settled(running: Running, source: str, count: int) -> list[dict[str, Any]]:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await events.list_events(running.op, source=source, limit=100_000)
        if len(found) >= count and all(event["status"] != "queued" for event in found):
            return found
        assert time.monotonic() < give_up_at, (len(found), count)
        await asyncio.sleep(0.05)


async def test_a_neighbour_is_answered_and_applied_whatever_the_others_do(
    fallen: Running, figure: Callable[[str], None]
) -> None:
    await fallen.add_source("neighbour")
    for name, script in KILLERS.items():
        await fallen.add_source(name, script + KNOWS_THE_WORD)
    warm = await load(fallen, "neighbour")
    alone = await load(fallen, "neighbour")
    end_at = time.perf_counter() + SECONDS
    beside, *killed = await asyncio.gather(
        load(fallen, "neighbour"), *(post_until(fallen, name, end_at) for name in KILLERS)
    )

    assert {answer.status_code for answer, _ in beside} == {202}
    ids = {answer.json()["id"] for answer, _ in (*warm, *alone, *beside)}
    found = await settled(fallen, "neighbour", len(ids))
    assert ids <= {event["id"] for event in found}
    assert {event["status"] for event in found} == {"applied"}
    for name, answers in zip(KILLERS, killed, strict=True):
        assert {answer.status_code for answer, _ in answers} <= {202, 503}, name
        assert answers[0][0].json()["status"] == "failed", name
    figure(f"a neighbour's p99: {p99_ms(alone):.1f} ms alone, {p99_ms(beside):.1f} ms beside {len(KILLERS)} killers")


async def test_an_attempt_to_break_out_closes_the_source_until_a_person_changes_it(fallen: Running) -> None:
    await fallen.add_source("burglar", KILLERS["breaks-out"] + KNOWS_THE_WORD)
    first = await post(fallen, "burglar")
    event = await fallen.event(first.json()["id"])
    assert (first.status_code, event["status"], event["stage"]) == (202, "failed", "transform")
    assert event["reason"].startswith("forbidden system call")
    for _ in range(2):
        refused = await post(fallen, "burglar")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "system call" not in refused.text


async def test_a_source_that_dies_again_and_again_is_told_to_come_back_later(fallen: Running) -> None:
    await fallen.add_source("dying", KILLERS["ends"] + KNOWS_THE_WORD)
    answers = [await post(fallen, "dying") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 503]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_strangers_who_kill_a_script_never_shut_its_source(fallen: Running) -> None:
    script = (
        "import os\ndef authenticate(request, context):\n"
        "    if request.headers.get('x-word') != context.secrets['word']: os._exit(1)\n    return True\n\n"
        "def transform(request, context):\n    return []\n"
    )
    await fallen.add_source("besieged", script)
    for _ in range(8):
        assert (await post(fallen, "besieged", **{"x-word": "wrong"})).status_code == 500
    genuine = await post(fallen, "besieged")
    assert (genuine.status_code, genuine.json()["status"]) == (202, "ignored")
