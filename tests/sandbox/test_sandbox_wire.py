"""The wire: frames come through in any pieces; what no honest child sends is refused."""

import os

import orjson
import pytest

from gateway.sandbox import wire
from gateway.sandbox.limits import Limits
from gateway.sandbox.stage import AUTHENTICATE, IDLE, TRANSFORM, StagePage, open_page_memory, split_word

REPLY = {"status": 200, "content_type": "text/plain", "headers": []}
GOOD = {"kind": "actions", "is_authenticated": True, "cpu_seconds": 0.001}


@pytest.mark.parametrize("size", [1, 3, 4, 5, 64, 10_000])
def test_frames_come_through_in_any_pieces(size):
    bodies = [b"", b"x" * 500, b"\0\xff", b"y" * 3_000]
    stream = b"".join(wire.request_frame(wire.AUTHENTICATE, n, b"evt_1", b"{}", body) for n, body in enumerate(bodies))
    reader = wire.FrameReader(1 << 20)
    frames = [frame for start in range(0, len(stream), size) for frame in reader.feed(stream[start : start + size])]
    assert [wire.read_request(frame) for frame in frames] == [
        (wire.AUTHENTICATE, n, "evt_1", b"{}", body) for n, body in enumerate(bodies)
    ]


def test_a_frame_is_refused_by_its_length_before_it_is_kept():
    with pytest.raises(wire.ProtocolBroken, match="a frame of 1001 bytes"):
        wire.FrameReader(1000).feed((1001).to_bytes(4, "little"))


def test_a_result_carries_small_fields_actions_and_reply_apart():
    meta = GOOD | {"reply": {"status": 200, "content_type": "text/plain", "headers": [["a", "b"]]}, "trace": []}
    frame = wire.result_frame(9, meta, b'[{"a":1}]', b"\xff body")[4:]
    request_id, small, actions, body = wire.read_result(frame)
    outcome = wire.read_outcome(small, actions, body, Limits())
    assert (request_id, outcome.actions, outcome.reply.body) == (9, b'[{"a":1}]', b"\xff body")
    assert outcome.reply.headers == (("a", "b"),)


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"kind": "actions"},
        GOOD | {"kind": "applied"},
        GOOD | {"is_authenticated": 1},
        GOOD | {"is_authenticated": "true"},
        GOOD | {"status": "401"},
        GOOD | {"status": True},
        GOOD | {"stage": "idle"},
        GOOD | {"reason": ["x"]},
        GOOD | {"trace": [{"line": 1}]},
        GOOD | {"trace": [1]},
        GOOD | {"trace": [{"line": 1, "function": "f", "text": "t", "more": 1}]},
        GOOD | {"unique_key": 7},
        GOOD | {"occurred_at": "2024"},
        GOOD | {"reply": {"status": 200}},
        GOOD | {"reply": {"status": 200, "content_type": "x", "headers": [["a"]]}},
        GOOD | {"actions": []},
        GOOD | {"surprise": 1},
        GOOD | {"is_authenticated": False},
        GOOD | {"kind": "ignored", "is_authenticated": False},
        GOOD | {"kind": "answered"},
        GOOD | {"kind": "failed", "reason": "x"},
        GOOD | {"kind": "failed", "stage": "transform"},
        GOOD | {"kind": "rejected", "reason": "x", "status": 200},
        GOOD | {"kind": "try_later", "retry_after_seconds": 0},
        GOOD | {"kind": "rejected", "reason": "x", "status": 401, "reply": REPLY},
        GOOD | {"occurred_at": 1 << 62},
        GOOD | {"reason": "x" * 2_000},
        GOOD | {"unique_key": "x" * 257},
        GOOD | {"logs": "x" * 17_000},
        GOOD | {"trace": [{"line": 1, "function": "f", "text": "t" * 2_000}]},
        GOOD | {"reply": REPLY | {"status": 302}},
        GOOD | {"reply": REPLY | {"content_type": "text/html\r\nset-cookie: a=b"}},
        GOOD | {"reply": REPLY | {"headers": [["x-a", "b\nset-cookie: a=b"]]}},
        GOOD | {"reply": REPLY | {"headers": [["x-a: b", "c"]]}},
        GOOD | {"reply": REPLY | {"headers": [["a", "b"]] * 33}},
    ],
    ids=lambda meta: orjson.dumps(meta).decode()[:60],
)
def test_a_result_with_anything_strange_in_it_is_refused(meta):
    with pytest.raises(wire.ProtocolBroken):
        wire.read_outcome(dict(meta), b"", b"", Limits())


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"short",
        wire.result_frame(1, {})[4:-1],
        b"\0" * 8 + b"\xff\xff\xff\xff" + b"\0\0\0\0" + b"{}",
        b"\0" * 8 + b"\x02\0\0\0" + b"\xff\0\0\0" + b"{}",
        b"\0" * 8 + b"\x02\0\0\0" + b"\0\0\0\0" + b"[]",
        b"\0" * 8 + b"\x02\0\0\0" + b"\0\0\0\0" + b"{x",
    ],
)
def test_a_frame_that_does_not_hold_what_it_says_is_refused(frame):
    with pytest.raises(wire.ProtocolBroken):
        wire.read_result(frame)


def test_both_ends_of_a_stage_page_see_the_same_word():
    descriptor = open_page_memory()
    near, far = StagePage(descriptor), StagePage(descriptor)
    os.close(descriptor)
    assert split_word(near.word()) == (0, IDLE)
    far.note(1, AUTHENTICATE)
    far.note(1 << 40, TRANSFORM)
    assert split_word(near.word()) == (1 << 40, TRANSFORM)


def test_a_stage_that_no_child_writes_reads_as_idle():
    assert split_word(5 << 8 | 200) == (5, IDLE)


@pytest.mark.parametrize(
    ("kind", "actions"),
    [("ignored", b"[{}]"), ("actions", b"[" + b"0," * 50_001 + b"0]"), ("actions", b" " * ((1 << 20) + 1))],
    ids=["actions of nobody", "too many parts", "too many bytes"],
)
def test_actions_past_the_limits_are_refused_by_the_gateway_as_well(kind, actions):
    with pytest.raises(wire.ProtocolBroken):
        wire.read_outcome({"kind": kind, "is_authenticated": True}, actions, b"", Limits())
