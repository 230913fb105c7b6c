"""Ending early: what each exception accepts."""

from typing import Any

import pytest

from gateway.toolbox import Answer, Ignore, Reject, TryLater


def test_reject_takes_a_4xx_status_only() -> None:
    assert (Reject("no").status, Reject("no", 403).status, Reject("no").args) == (401, 403, ("no",))
    for status in (200, 399, 500):
        with pytest.raises(ValueError, match="400 to 499"):
            Reject("no", status)


@pytest.mark.parametrize(
    ("body", "data", "content_type"),
    [
        (None, b"", "text/plain; charset=utf-8"),
        ("é", "é".encode(), "text/plain; charset=utf-8"),
        (b"\x00", b"\x00", "text/plain; charset=utf-8"),
        ({"challenge": "é"}, '{"challenge":"é"}'.encode(), "application/json"),
        ([1], b"[1]", "application/json"),
    ],
)
def test_an_answer_encodes_its_body(body: Any, data: bytes, content_type: str) -> None:
    assert Answer(body).reply == (200, data, content_type, ())


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"status": 300}, ValueError),
        ({"status": True}, TypeError),
        ({"status": "200"}, TypeError),
        ({"body": "x" * 65_537}, ValueError),
        ({"body": 7}, TypeError),
        ({"body": "\ud800"}, ValueError),
        ({"body": {"a": float("nan")}}, ValueError),
        ({"content_type": "text/html\r\nSet-Cookie: a=b"}, ValueError),
        ({"headers": {"X-A": "b\r\nX-B: c"}}, ValueError),
        ({"headers": {"X A": "b"}}, ValueError),
        ({"headers": {"": "b"}}, ValueError),
        ({"headers": {f"X-{n}": "a" for n in range(33)}}, ValueError),
        ({"headers": [("X-A", "b")]}, TypeError),
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Answer(**arguments)


def test_try_later_and_ignore_carry_what_they_were_given() -> None:
    assert (TryLater("soon").retry_after_seconds, TryLater("soon", 5).reason, Ignore("nothing").reason) == (
        60,
        "soon",
        "nothing",
    )
    for seconds in (0, -1, 86_401):
        with pytest.raises(ValueError, match="retry_after_seconds"):
            TryLater("soon", seconds)


@pytest.mark.parametrize("kind", [Reject, Ignore, TryLater])
def test_a_reason_is_a_plain_text_of_bounded_length(kind: Any) -> None:
    with pytest.raises(TypeError, match="reason must be str"):
        kind(7)
    with pytest.raises(ValueError, match="reason is longer"):
        kind("x" * 1_001)
