"""Rotating a secret: the new one counts at once, the old one for a day; and sealing all of them anew."""

from pathlib import Path
from typing import Any

import pytest
from running import Running, prepare

from gateway import clock
from gateway.config import load_settings
from gateway.errors import BadSetting, NotFound, OperatorError
from gateway.operations import secrets, sources
from gateway.operations.operator import Operator, open_operator
from gateway.sandbox.pool import Pool
from gateway.sandbox.script import Previous, Script
from gateway.store.secrets import find_secret, forget_previous, update_secret

pytestmark = pytest.mark.asyncio(loop_scope="session")

OLD, NEW = "old-" + "k" * 32, "new-" + "k" * 32


async def status(running: Running, source: str, word: str) -> int:
    body = {"email": "rotated@example.com", "visits": 1}
    return (await running.http.post(f"/in/{source}", json=body, headers={"x-word": word})).status_code


async def rotate(running: Running, source: str, *words: str) -> None:
    for word in words:
        await secrets.rotate_secret(running.op, source, "word", word)


async def end_grace(running: Running, source: str) -> None:
    """Let the day pass."""
    await running.op.publish(lambda conn: update_secret(conn, source, "word", previous_until=clock.now()))


async def test_both_values_are_taken_until_the_day_is_over(running: Running) -> None:
    await running.add_source("rotated", word="first-word")
    until = await secrets.rotate_secret(running.op, "rotated", "word", "second-word")
    assert until is not None
    assert [await status(running, "rotated", word) for word in ("first-word", "second-word", "third-word")] == [
        202,
        202,
        401,
    ]
    (listed,) = await secrets.list_secrets(running.op, "rotated")
    assert (listed["previous_until"], listed["age_days"]) == (until, 0)
    assert listed["rotated_at"] == listed["changed_at"]
    await end_grace(running, "rotated")
    assert [await status(running, "rotated", word) for word in ("first-word", "second-word")] == [401, 202]
    assert (await secrets.list_secrets(running.op, "rotated"))[0]["previous_until"] is None


async def test_only_the_last_value_before_counts_still(running: Running) -> None:
    await running.add_source("rotated-twice", word="first-word")
    await rotate(running, "rotated-twice", "second-word", "third-word")
    words = ("first-word", "second-word", "third-word")
    assert [await status(running, "rotated-twice", word) for word in words] == [401, 202, 202]


async def test_a_secret_that_is_set_and_not_rotated_leaves_no_day(running: Running) -> None:
    await running.add_source("rotated-set", word="first-word")
    await rotate(running, "rotated-set", "second-word")
    await secrets.set_secret(running.op, "rotated-set", "word", "third-word")
    words = ("first-word", "second-word", "third-word")
    assert [await status(running, "rotated-set", word) for word in words] == [401, 401, 202]


async def test_a_request_that_is_genuine_runs_once_and_one_that_is_refused_twice(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.add_source("rotated-cost", word="first-word")
    ran: list[str] = []
    run = Pool.run

    async def noting(self: Pool, script: Script, *arguments: Any, **options: Any) -> Any:
        ran.append(script.secrets["word"])
        return await run(self, script, *arguments, **options)

    monkeypatch.setattr(Pool, "run", noting)
    await status(running, "rotated-cost", "wrong")
    assert ran == ["first-word"], "without a rotation nothing is tried twice"
    await rotate(running, "rotated-cost", "second-word")
    for word, expected in (
        ("second-word", ["second-word"]),
        ("first-word", ["second-word", "first-word"]),
        ("wrong", ["second-word", "first-word"]),
    ):
        ran.clear()
        await status(running, "rotated-cost", word)
        assert ran == expected


async def test_what_was_received_after_the_day_is_not_tried_with_the_old_value() -> None:
    script = Script(
        "shop", "ver_1", "r", "", {"word": "new", "other": "o"}, previous_secrets={"word": Previous("old", 10)}
    )
    older = script.before_rotation(9)
    assert older is not None
    assert (older.secrets, older.before_rotation(0)) == ({"word": "old", "other": "o"}, None)
    assert older.revision != script.revision, "it has a child of its own"
    assert script.before_rotation(10) is None
    assert "old" not in repr(script)


async def test_what_cannot_be_rotated_is_refused(running: Running) -> None:
    await running.add_source("rotated-not", word="only-word")
    with pytest.raises(NotFound, match="none to rotate"):
        await secrets.rotate_secret(running.op, "rotated-not", "other", "value")
    with pytest.raises(OperatorError, match="that value already"):
        await secrets.rotate_secret(running.op, "rotated-not", "word", "only-word\n")
    with pytest.raises(OperatorError, match="empty"):
        await secrets.rotate_secret(running.op, "rotated-not", "word", " ")


async def test_the_old_value_is_deleted_when_its_day_is_over(running: Running) -> None:
    await running.add_source("rotated-gone", word="first-word")
    await rotate(running, "rotated-gone", "second-word")
    await running.op.write(lambda conn: forget_previous(conn, clock.now()))
    row = await running.op.read(lambda conn: find_secret(conn, "rotated-gone", "word"))
    assert row is not None
    assert row["previous_blob"]
    await running.op.write(lambda conn: forget_previous(conn, clock.now() + secrets.GRACE_MICROSECONDS))
    row = await running.op.read(lambda conn: find_secret(conn, "rotated-gone", "word"))
    assert row is not None
    assert (row["previous_blob"], row["previous_until"]) == (None, None)


async def add_rotated(op: Operator) -> None:
    await sources.add_source(op, "shop")
    await secrets.set_secret(op, "shop", "word", "first")
    await secrets.rotate_secret(op, "shop", "word", "second")


async def test_resealed_secrets_open_without_the_key_they_were_sealed_with(tmp_path: Path, valkey_url: str) -> None:
    redis_url = f"{valkey_url}?db=27"
    async with open_operator(prepare(tmp_path, redis_url, secret_key=OLD), actor="test") as op:
        await add_rotated(op)
    alone = load_settings(data_dir=tmp_path, redis_url=redis_url, secret_key=NEW)
    async with open_operator(alone, actor="test") as op:
        with pytest.raises(BadSetting):
            await secrets.reseal_secrets(op)
    both = load_settings(data_dir=tmp_path, redis_url=redis_url, secret_key=f"{NEW},{OLD}")
    async with open_operator(both, actor="test") as op:
        assert await secrets.reseal_secrets(op) == 1
    async with open_operator(alone, actor="test") as op:
        assert await secrets.unseal_secret(op, "shop", "word") == "second"
        row = await op.read(lambda conn: find_secret(conn, "shop", "word"))
        assert row is not None
        assert op.sealer.unseal(row["previous_blob"], "shop", "word") == "first"
