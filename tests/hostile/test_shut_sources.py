"""Sources that are shut: who breaks out, or dies again and again, is not asked for a while; strangers shut nobody.

The fence is switched off here: scripts are plain Python, as if its next hole had been found. Only the wall is left.
"""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson
import pytest
import pytest_asyncio
from running import WORD, Running, prepare, run_all

from gateway.sandbox import seccomp
from gateway.sandbox.pool import Pool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine"),
]

BODY = orjson.dumps({"email": "next-door@example.com", "visits": 1})

KNOWS_THE_WORD = (
    '\n\ndef authenticate(request, context):\n    return request.headers.get("x-word") == context.secrets["word"]\n'
)
BREAKS_OUT = "import socket\ndef transform(request, context):\n    socket.socket()" + KNOWS_THE_WORD
ENDS = "import os\ndef transform(request, context):\n    os._exit(0)" + KNOWS_THE_WORD


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fallen(valkey_url: str) -> AsyncIterator[Running]:
    """Run a gateway whose fence has fallen."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="hw-") as folder:
        for place in ("gateway.serve.gateway", "gateway.operations.operator"):
            patch.setattr(f"{place}.Pool", partial(Pool, is_fenced=False))
        async with run_all(prepare(Path(folder), f"{valkey_url}?db=26")) as running:
            yield running


async def post(running: Running, source: str, **headers: str) -> httpx.Response:
    return await running.http.post(f"/in/{source}", content=BODY, headers={**WORD, **headers})


async def test_an_attempt_to_break_out_closes_the_source_until_a_person_changes_it(fallen: Running) -> None:
    await fallen.add_source("burglar", BREAKS_OUT)
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
    await fallen.add_source("dying", ENDS)
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
