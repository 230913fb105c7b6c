"""Any text at all as a script: it is refused, it fails or it runs, in its own child; nobody else is touched.

HOOKWRIGHT_TEST_EXAMPLES says how many texts.
"""

import asyncio
import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from sandbox_children import EVENT_ID, make_head, make_script, play_script
from script_texts import texts
from test_sandbox_frames import must_be_sound
from test_sandbox_reach import EXAMPLES

from gateway.errors import SandboxUnavailable
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Checked
from gateway.sandbox.pool import Pool

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(authenticate_cpu_seconds=0.05, transform_cpu_seconds=0.05, load_seconds=0.3)
SECRET = "secret-of-the-fuzzed-source"
HEALTHY = "def transform(request, context):\n    return [{'n': request.json['n']}]\n"
OURS = re.compile(r"0x[0-9a-f]{6,}|/(usr|root|home|opt)/|site-packages|/gateway/")
# A crash or a forbidden call would mean that the fence let something through to the wall.
HOLES = re.compile("crashed|forbidden system call|broke its protocol|ended without an answer")


def must_be_told_well(checked: Checked) -> None:
    for problem in checked.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert 0 < len(problem.message) <= 400
        assert not OURS.search(problem.message)
        assert not HOLES.search(problem.message)


async def play(pool: Pool, text: str) -> None:
    """Check the text and run it, from its beginning and from its `transform`; hold what must be true whatever it is."""
    checked = await asyncio.wait_for(pool.check(text), 20)
    must_be_told_well(checked)
    script = make_script(text, limits=LIMITS, secrets={"signing_secret": SECRET})
    for start_at, body in (("authenticate", b"\xff"), ("transform", b'{"n": 1, "items": [1]}')):
        try:
            outcome = await asyncio.wait_for(
                pool.run(script, make_head(), body, event_id=EVENT_ID, start_at=start_at), 20
            )
        except SandboxUnavailable:
            continue
        must_be_sound(outcome)
        said = f"{outcome.reason} {outcome.logs}"
        assert not HOLES.search(outcome.reason or ""), outcome
        assert not OURS.search(said), outcome
        assert SECRET not in said, outcome
        if checked.problems:
            assert (outcome.kind, outcome.is_authenticated, outcome.stage) == ("failed", False, "load")
    pool.retire(script.source)


async def test_any_text_is_refused_or_runs_and_a_healthy_script_runs_after_it(pool: Pool) -> None:
    drawn: list[str] = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(texts)
    def draw(text: str) -> None:
        drawn.append(text)

    draw()
    for number, text in enumerate(drawn):
        try:
            await play(pool, text)
        except BaseException as error:
            error.add_note(f"the text was {text[:3000]!r}")
            raise
        if number % 10 == 0:
            assert (await play_script(pool, HEALTHY, {"n": number})).kind == "actions"
    assert pool.quarantined.keys() & {f"source-{number}" for number in range(100_000)} == set()


async def test_a_child_that_is_killed_before_it_is_loaded_counts_for_nobody() -> None:
    own = Pool()
    await own.start()
    try:
        script = make_script(HEALTHY + "def authenticate(request, context):\n    return True\n")
        for _ in range(6):
            births = own.stats().births
            request = asyncio.ensure_future(own.run(script, make_head(), b'{"n": 1}', event_id=EVENT_ID))
            while own.stats().births == births and not request.done():
                await asyncio.sleep(0)
            if (server := own._nursery._server) is not None:
                server._process.kill()  # takes every child with it, also the one that is being born
            with suppress(SandboxUnavailable):  # the sender hears 503 and sends it again
                assert (await asyncio.wait_for(request, 20)).kind == "actions"
            own.retire(script.source)
        assert (await own.run(script, make_head(), b'{"n": 1}', event_id=EVENT_ID)).kind == "actions"
        assert own.stats().paused == 0
        assert own.quarantined == {}
    finally:
        await own.close()
