"""Every write leaves a row that says who did what to what; none of them holds a secret."""

from typing import Any

import pytest
from running import OPEN_SCRIPT, WORD, Running
from sqlalchemy import select

from gateway.operations import keys, replay, scripts, secrets, sources
from gateway.store.tables import audit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def rows(running: Running, subject: str) -> list[Any]:
    chosen = select(audit).where(audit.c.subject == subject).order_by(audit.c.id)
    return list(await running.op.read(lambda conn: conn.execute(chosen).all()))


async def test_every_write_to_a_source_is_audited(running: Running) -> None:
    op = running.op
    await sources.add_source(op, "audited")
    await secrets.set_secret(op, "audited", "word", WORD["x-word"])
    await secrets.set_secret(op, "audited", "word", WORD["x-word"])
    await scripts.push_script(op, "audited", OPEN_SCRIPT, note="first")
    await scripts.publish_version(op, "audited", "1")
    await scripts.push_script(op, "audited", OPEN_SCRIPT, is_published=True)
    await sources.pause_source(op, "audited")
    await sources.resume_source(op, "audited")
    await sources.disable_source(op, "audited")
    await sources.enable_source(op, "audited")
    await sources.remove_source(op, "audited")
    found = await rows(running, "audited")
    assert [row.operation for row in found] == [
        "source.add",
        "secret.set",
        "secret.replace",
        "script.push",
        "script.publish",
        "script.push",
        "script.publish",
        "source.pause",
        "source.resume",
        "source.disable",
        "source.resume",
        "source.remove",
    ]
    assert {row.actor for row in found} == {"test"}
    assert [row.at for row in found] == sorted(row.at for row in found)
    assert (found[7].before, found[7].after) == ('"live"', '"paused"')
    assert WORD["x-word"] not in repr(found)


async def test_keys_are_audited_without_the_key(running: Running) -> None:
    made = await keys.create_key(running.op, "audited key", "sender", [])
    await keys.revoke_key(running.op, made["id"])
    found = await rows(running, made["id"])
    assert [row.operation for row in found] == ["key.create", "key.revoke"]
    assert made["key"] not in repr(found)


async def test_a_replay_is_audited(running: Running) -> None:
    await running.add_source("audited-replay")
    body = {"email": "replayed@example.com", "visits": 1}
    event_id = (await running.http.post("/in/audited-replay", json=body, headers=WORD)).json()["id"]
    await running.event(event_id)
    await running.event(await replay.replay_event(running.op, event_id))
    assert [row.operation for row in await rows(running, event_id)] == ["event.replay"]


async def test_what_was_refused_leaves_no_row(running: Running) -> None:
    from gateway.errors import NotFound

    with pytest.raises(NotFound):
        await sources.pause_source(running.op, "never-there")
    assert await rows(running, "never-there") == []
