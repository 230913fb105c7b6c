"""The wire, fuzzed both ways: what a child sends is an answer or its end, whatever it is; the gateway goes on."""

import asyncio
import struct
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox_children import EVENT_ID, YES, make_head, make_script, play_script
from test_sandbox_reach import EXAMPLES

from gateway.sandbox import seccomp, wire
from gateway.sandbox.limits import RESULT_PARTS_MAX, Limits
from gateway.sandbox.outcome import Outcome
from gateway.sandbox.pool import Pool

LIMITS = Limits()
REAL_CHILDREN_EXAMPLES = max(10, EXAMPLES // 10)
HERE = b"\xa7HERE\xa7!!"  # eight bytes, where the child puts the id of its request

needs_wall = pytest.mark.skipif(seccomp.unavailable_because() is not None, reason="there is no seccomp on this machine")

texts = st.text(max_size=20) | st.just("x" * 3_000) | st.just("a\r\nset-cookie: b")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
GOOD: dict[str, Any] = {
    "kind": "actions",
    "is_authenticated": True,
    "status": 401,
    "stage": "transform",
    "reason": "because",
    "trace": [{"line": 1, "function": "f", "text": "t"}],
    "logs": "a\n",
    "unique_key": "k",
    "occurred_at": 1_704_164_645_000_000,
    "cpu_seconds": 0.001,
    "retry_after_seconds": 60,
    "reply": {"status": 200, "content_type": "text/plain", "headers": [["x-a", "b"]]},
}
kinds = st.sampled_from(["actions", "ignored", "answered", "rejected", "try_later", "failed", "applied"])


@st.composite
def metas(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a result that is right but for a few fields."""
    kept = draw(st.sets(st.sampled_from(sorted(GOOD))))
    meta = {name: value for name, value in GOOD.items() if name in kept or name in ("kind", "is_authenticated")}
    meta["kind"] = draw(kinds)
    for name in draw(st.lists(st.sampled_from([*GOOD, "surprise"]), max_size=2)):
        meta[name] = draw(values)
    if draw(st.booleans()) and type(meta.get("reply")) is dict:
        meta["reply"] = meta["reply"] | {draw(st.sampled_from(["status", "content_type", "headers"])): draw(values)}
    return meta


@st.composite
def frames(draw: st.DrawFn, request_id: bytes = b"\0" * 8) -> bytes:
    """Draw a frame without its length: right, with other parts, cut, or with bytes changed in it."""
    small = orjson.dumps(draw(metas()), option=orjson.OPT_NON_STR_KEYS)
    actions = draw(st.sampled_from([b"", b"[]", b'[{"a":1}]', b"[" + b"0," * 60_000 + b"0]", b"\xff"]))
    body = draw(st.sampled_from([b"", b"ok", b"x" * 70_000]))
    lengths = draw(st.sampled_from([(len(small), len(actions)), (len(small) + 1, 0), (0, 2**32 - 1), (2**32 - 1, 0)]))
    frame = bytearray(request_id + struct.pack("<II", *lengths) + small + actions + body)
    for place, byte in draw(
        st.lists(st.tuples(st.integers(8, 200), st.integers(0, 255)), max_size=draw(st.sampled_from([0, 3])))
    ):
        frame[place % len(frame)] = byte
    return bytes(frame[: draw(st.sampled_from([len(frame)] * 4 + [len(frame) // 2]))])


def must_be_sound(outcome: Outcome) -> None:
    """Hold what everybody behind the sandbox relies on."""
    assert outcome.is_authenticated or outcome.kind not in ("actions", "ignored")
    assert outcome.actions == b"[]" or outcome.kind == "actions"
    assert outcome.actions.count(b",") <= RESULT_PARTS_MAX
    assert outcome.kind != "failed" or (outcome.reason and outcome.stage)
    assert len(outcome.logs) <= LIMITS.log_bytes + 200
    assert len(outcome.reason or "") <= 2_000
    assert len(outcome.trace) <= 20
    if outcome.reply is not None:
        words = [outcome.reply.content_type, *(word for pair in outcome.reply.headers for word in pair)]
        assert all(word.isascii() and word.isprintable() for word in words)
        assert 200 <= outcome.reply.status < 300
        assert len(outcome.reply.body) <= 64 * 1024


@settings(max_examples=EXAMPLES * 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames())
def test_a_frame_of_a_child_is_a_sound_answer_or_its_end(frame: bytes) -> None:
    try:
        _, meta, actions, body = wire.read_result(frame)
        outcome = wire.read_outcome(meta, actions, body, LIMITS)
    except wire.ProtocolBroken:
        return
    must_be_sound(outcome)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=50), max_size=8))
def test_a_stream_of_anything_keeps_no_more_than_one_frame(pieces: list[bytes]) -> None:
    reader = wire.FrameReader(1_000)
    for piece in pieces:
        try:
            frames = reader.feed(piece)
        except wire.ProtocolBroken:
            return
        assert all(len(frame) <= 1_000 for frame in frames)
    assert len(reader._buffer) <= 1_004


LIAR = (
    "import os, struct, sys\n"
    + YES
    + f"""
def transform(request, context):
    frame = sys._getframe()
    while "request_id" not in frame.f_locals:
        frame = frame.f_back
    mine = struct.pack("<Q", frame.f_locals["request_id"])
    data = request.body.replace({HERE!r}, mine)
    while data:
        data = data[os.write(3, data):]
    while True:
        pass
"""
)
QUICK = Limits(transform_cpu_seconds=0.03, wall_seconds=0.5)


@needs_wall
@pytest.mark.asyncio(loop_scope="session")
async def test_a_child_that_says_anything_at_all_fools_nobody_and_stops_nothing(unfenced_pool: Pool) -> None:
    drawn: list[bytes] = []

    @settings(
        max_examples=REAL_CHILDREN_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(frames(HERE), st.booleans())
    def draw(frame: bytes, is_whole: bool) -> None:
        drawn.append(struct.pack("<I", len(frame) + (0 if is_whole else 7)) + frame)

    draw()
    for number, stream in enumerate(drawn):
        script = make_script(LIAR, limits=QUICK)
        outcome = await asyncio.wait_for(unfenced_pool.run(script, make_head(), stream, event_id=EVENT_ID), 10)
        must_be_sound(outcome)
        unfenced_pool.retire(script.source)
        if number % 5 == 0:
            assert (await play_script(unfenced_pool, "def transform(r, c):\n    return [{'a': 1}]\n")).kind == "actions"


@needs_wall
@pytest.mark.asyncio(loop_scope="session")
async def test_a_child_that_answers_and_then_works_on_is_killed() -> None:
    own = Pool(is_fenced=False, idle_seconds=1)
    await own.start()
    try:
        script = make_script(LIAR)
        meta = orjson.dumps({"kind": "ignored", "is_authenticated": True})
        frame = HERE + struct.pack("<II", len(meta), 0) + meta
        stream = struct.pack("<I", len(frame)) + frame
        outcome = await own.run(script, make_head(), stream, event_id=EVENT_ID)
        assert outcome.kind == "ignored"
        for _ in range(500):
            if own.stats().deaths:
                break
            await asyncio.sleep(0.02)
        assert script.source in own._health._backoffs
    finally:
        await own.close()


@needs_wall
@pytest.mark.asyncio(loop_scope="session")
async def test_a_child_that_drips_bytes_is_not_alive(unfenced_pool: Pool) -> None:
    text = (
        "import os, sys, time\n" + YES + "def transform(request, context):\n"
        "    frame = sys._getframe()\n"
        "    while frame.f_code.co_name != 'run': frame = frame.f_back\n"
        "    page, n = frame.f_locals['self']._page, 0\n"
        "    os.write(3, (100_000).to_bytes(4, 'little'))\n"
        "    while True:\n"
        "        until = time.monotonic() + 0.2\n"
        "        while time.monotonic() < until: n += 1; page.note(n, 0)\n"
        "        os.write(3, b'.')\n"
    )
    script = make_script(text, limits=Limits(wall_seconds=0.2))
    outcome = await asyncio.wait_for(unfenced_pool.run(script, make_head(), b"{}", event_id=EVENT_ID), 20)
    assert (outcome.kind, outcome.reason) == ("failed", "limit: the sandbox does not answer")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_head_of_anything_is_a_failure_of_that_request_alone(pool: Pool) -> None:
    drawn: list[bytes] = []

    @settings(
        max_examples=REAL_CHILDREN_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.binary(max_size=40) | values.map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)))
    def draw(head: bytes) -> None:
        drawn.append(head)

    draw()
    script = make_script(
        YES + "def transform(request, context):\n    return [{'m': request.method, 'h': [*request.headers]}]\n"
    )
    for head in drawn:
        outcome = await asyncio.wait_for(pool.run(script, head, b"{}", event_id=EVENT_ID), 10)
        must_be_sound(outcome)
    assert (await pool.run(script, make_head(), b"{}", event_id=EVENT_ID)).kind == "actions"
