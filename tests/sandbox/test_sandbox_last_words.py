"""What is known of a request that was killed: what its script had printed by then, and the line that it was at."""

import asyncio
import os

import orjson
import pytest
from sandbox_children import YES, make_head, make_script, play_script

from gateway.sandbox.lastwords import WORDS_BYTES_MAX, is_all_said, read_trace
from gateway.sandbox.limits import Limits
from gateway.sandbox.stage import LOG_BYTES, StagePage, open_page_memory

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = Limits(authenticate_cpu_seconds=0.03, transform_cpu_seconds=0.05)
SECRET = "the-signing-secret"


def loops_after(code: str) -> str:
    return f"def transform(request, context):\n    {code}\n    while True: pass\n"


async def test_a_killed_request_keeps_what_it_printed(play):
    outcome = await play(loops_after("print('before', 'the loop', 7)\n    context.log('é')"), limits=QUICK)
    assert (outcome.reason, outcome.logs) == ("limit: cpu 0.05 s (transform)", "before the loop 7\né\n")


async def test_so_does_one_that_is_killed_in_authenticate(play):
    text = "def authenticate(request, context):\n    print('who?')\n    while True: pass\n"
    outcome = await play(f"{text}def transform(request, context): pass\n", limits=QUICK)
    assert (outcome.stage, outcome.logs) == ("authenticate", "who?\n")


async def test_so_does_one_whose_sandbox_crashed(unfenced_pool):
    text = "import ctypes\ndef transform(request, context):\n    context.log('careful')\n    ctypes.string_at(1)\n"
    outcome = await play_script(unfenced_pool, text)
    assert (outcome.reason, outcome.logs) == ("the sandbox crashed (SIGSEGV)", "careful\n")


async def test_the_log_of_one_request_is_not_told_of_the_next(pool):
    text = "def transform(request, context):\n    if request.json['n'] < 3: print('mine', request.json['n'])\n"
    script = make_script(
        f"{text}    while request.json['n'] == 3: pass\n    return [request.json]\n{YES}", limits=QUICK
    )
    bodies = [orjson.dumps({"n": number}) for number in range(5)]
    outcomes = await asyncio.gather(*(pool.run(script, make_head(), body, event_id="evt_1") for body in bodies))
    assert [outcome.logs for outcome in outcomes] == ["mine 0\n", "mine 1\n", "mine 2\n", "", ""]
    assert outcomes[3].kind == "failed"


async def test_secrets_are_masked_in_it_and_control_characters_escaped(play):
    code = "for part in (context.secrets['s'][:9], context.secrets['s'][9:], '\\x1b[31m'): print(part, end='')"
    outcome = await play(loops_after(code), limits=QUICK, secrets={"s": SECRET})
    assert outcome.logs == "•••\\x1b[31m"


@pytest.mark.parametrize("before", [LOG_BYTES - 1, LOG_BYTES - 9, LOG_BYTES - len(SECRET), LOG_BYTES + 5])
async def test_it_is_cut_and_no_secret_is_cut_in_two(play, before):
    code = f"print('x' * {before}, end='')\n    print(context.secrets['s'] * 9)\n    print('y' * 90_000)"
    outcome = await play(loops_after(code), limits=QUICK, secrets={"s": SECRET})
    assert outcome.logs.endswith("… (the log was cut at 16 KiB)")
    assert outcome.logs.startswith("x" * (before - 200))
    assert "the-s" not in outcome.logs
    assert "y" not in outcome.logs


async def test_the_log_limit_of_a_source_holds_for_it_too(play):
    outcome = await play(loops_after("print('x' * 500)"), limits=Limits(transform_cpu_seconds=0.05, log_bytes=100))
    assert outcome.logs == "x" * 100 + "\n… (the log was cut at 100 bytes)"


async def test_nothing_that_a_child_writes_on_the_page_is_believed(unfenced_pool):
    """A child that was taken over writes over all of the shared memory."""
    text = """
import sys
def transform(request, context):
    page = sys._getframe().f_back.f_locals["self"]._page
    page._words[1] = 2 ** 64 - 1
    page._memory[4096:] = b"\\xff" * (len(page._memory) - 4096)
    while True: pass
"""
    outcome = await play_script(unfenced_pool, text, limits=QUICK)
    assert outcome.reason == "limit: cpu 0.05 s (transform)"
    assert "\ufffd" in outcome.logs
    assert len(outcome.logs.encode()) <= LOG_BYTES + 100


async def test_the_page_holds_so_much_and_says_whether_that_is_all():
    descriptor = open_page_memory()
    near, far = StagePage(descriptor), StagePage(descriptor)
    os.close(descriptor)
    near.add_log(b"one ")
    near.add_log(b"two")
    assert far.log() == (b"one two", True)
    near.clear_log()
    assert far.log() == (b"", True)
    for _ in range(3):
        near.add_log(b"x" * (LOG_BYTES - 1))
    assert far.log() == (b"x" * LOG_BYTES, False)
    near.close()
    far.close()


async def killed_at_a_line(play, text):
    """Run a script that is killed; where the machine is too busy to hear the line in time, once more."""
    for _ in range(10):
        outcome = await play(text, limits=QUICK)
        if outcome.trace:
            break
    return outcome


@pytest.mark.parametrize("loop", ["while True: n = n + 1", "any(iter(int, 1))", "sum(n for n in iter(int, 1))"])
async def test_a_killed_request_names_the_line_that_it_was_at(play, loop):
    text = f"def add(n):\n    {loop}\n\ndef transform(request, context):\n    return [{{'a': add(1)}}]\n"
    outcome = await killed_at_a_line(play, text)
    shown = [(line["line"], line["function"], line["text"]) for line in outcome.trace]
    assert shown[:2] == [(5, "transform", "return [{'a': add(1)}]"), (2, "add", loop)]


async def test_of_a_deep_stack_the_innermost_lines_are_named(play):
    text = "def deeper(n):\n    if n == 0:\n        while True: pass\n    return deeper(n - 1)\n"
    outcome = await killed_at_a_line(play, f"{text}def transform(request, context):\n    deeper(300)\n")
    assert [line["line"] for line in outcome.trace] == [4] * 19 + [3]


async def test_the_neighbours_of_a_killed_request_run_again(pool):
    text = f"def transform(request, context):\n    while request.json['n'] == 3: pass\n    return [request.json]\n{YES}"
    script = make_script(text, limits=QUICK)
    bodies = [orjson.dumps({"n": number}) for number in range(9)]
    outcomes = await asyncio.gather(*(pool.run(script, make_head(), body, event_id="evt_1") for body in bodies))
    assert [outcome.kind for outcome in outcomes] == ["actions"] * 3 + ["failed"] + ["actions"] * 5


FRAME = b'  File "script.py", line %d in %b\n'
END = b'  File "<string>", line 1 in <module>\n'


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (b"", []),
        (b"\0\xff" * 500 + FRAME % (1, b"f") + END, [(1, "f", "x = 1")]),
        (FRAME % (0, b"f") + FRAME % (999_999, b"g"), [(999_999, "g", ""), (0, "f", "")]),
        (FRAME % (9_999_999_999, b"f"), []),
        (FRAME % (2, b"\x1b[31m" + b"\xff"), [(2, "\\x1b[31m\ufffd", "y = '•••'")]),
        (FRAME % (1, SECRET.encode()), [(1, "•••", "x = 1")]),
        (FRAME % (1, b"f" * 201), []),
        (b'  File "/etc/passwd", line 1 in f\n', []),
        (FRAME % (1, b"f") * 5000, [(1, "f", "x = 1")] * 20),
    ],
)
async def test_last_words_are_bounded_masked_and_not_believed(words, shown):
    script = make_script(f"x = 1\ny = '{SECRET}'\n", secrets={"s": SECRET})
    assert [(line["line"], line["function"], line["text"]) for line in read_trace(words, script)] == shown


async def test_the_end_of_the_last_words_is_known():
    assert not is_all_said(b"")
    assert not is_all_said(FRAME % (1, b"f"))
    assert not is_all_said(FRAME % (1, b"f") + END[:-1])
    assert is_all_said(FRAME % (1, b"f") + END)
    assert is_all_said(FRAME % (1, b"f") + b"  ...\n")
    assert is_all_said(b"x" * WORDS_BYTES_MAX)
