"""Codes: what was compiled once is not compiled again, and is nobody else's."""

import orjson
import pytest
from sandbox_children import EVENT_ID, YES, make_head, make_script

from gateway.errors import ScriptRefused
from gateway.sandbox.codes import Codes
from gateway.sandbox.limits import Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

TELL = YES + "def transform(request, context):\n    return [{'secret': len(context.secrets['key'])}]\n"
BREAK = YES + "def transform(request, context):\n    first = 1\n    return first / 0\n"


async def run(pool: Pool, script: Script) -> Outcome:
    return await pool.run(script, make_head(), b"{}", event_id=EVENT_ID)


async def test_a_text_is_compiled_for_its_first_child_alone(pool):
    first = make_script(TELL, secrets={"key": "1"})
    births = pool.stats().births
    assert orjson.loads((await run(pool, first)).actions) == [{"secret": 1}]
    assert pool.stats().births == births + 2  # one to compile it, one to run it
    rotated = make_script(TELL, secrets={"key": "22"}, source=first.source, revision="2")
    assert orjson.loads((await run(pool, rotated)).actions) == [{"secret": 2}]
    assert pool.stats().births == births + 3
    edited = make_script(TELL + "\n", secrets={"key": "1"}, source=first.source, revision="3")
    await run(pool, edited)
    assert pool.stats().births == births + 5


async def test_a_child_that_did_not_compile_names_the_lines_of_its_script_as_well(pool):
    script = make_script(BREAK)
    told = [await run(pool, script)]
    pool.retire(script.source)
    told.append(await run(pool, script))
    for outcome in told:
        assert [line["text"] for line in outcome.trace] == ["return first / 0"]


async def test_a_text_that_is_refused_leaves_no_code(pool):
    script = make_script("def transform(request, context):\n    return (\n")
    for _ in range(2):
        with pytest.raises(ScriptRefused):
            await pool.warm(script)
    assert pool._nursery._codes.find(script) is None


async def test_a_code_longer_than_a_result_may_be_is_made_again_in_each_child(pool):
    script = make_script(TELL, secrets={"key": "1"}, limits=Limits(result_bytes=100))
    assert orjson.loads((await run(pool, script)).actions) == [{"secret": 1}]
    assert pool._nursery._codes.find(script) == b""
    pool.retire(script.source)
    assert orjson.loads((await run(pool, script)).actions) == [{"secret": 1}]


async def test_a_code_is_of_one_source_and_one_text():
    codes = Codes()
    script = make_script(TELL)
    codes.keep(script, b"code")
    assert codes.find(make_script(TELL, source=script.source, revision="2")) == b"code"
    assert codes.find(make_script(TELL)) is None
    assert codes.find(make_script(TELL + "\n", source=script.source)) is None


async def test_past_its_bytes_the_code_that_was_wanted_least_recently_goes():
    codes = Codes(bytes_max=3 * (len(TELL) + 10))
    first, *others = (make_script(TELL) for _ in range(4))
    for script in (first, *others[:2]):
        codes.keep(script, bytes(10))
    codes.find(first)
    codes.keep(others[0], bytes(10))  # again: it is counted once
    codes.keep(others[2], bytes(10))
    assert [codes.find(script) is None for script in (first, *others)] == [False, False, True, False]
