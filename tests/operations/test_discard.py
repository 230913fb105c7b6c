"""Discarding: what failed, waits or is held is never applied, says why, and can still be replayed."""

import pytest
from running import OPEN_SCRIPT, WORD, Running

from gateway.errors import Conflict, NotFound, OperatorError
from gateway.operations import discard, replay, scripts, sources
from gateway.operations.replay import ReplayFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = '''"""Breaks on everybody."""


def authenticate(request, context):
    return True


def transform(request, context):
    raise ValueError("broken")
'''


async def post(running: Running, source: str, email: str) -> str:
    body = {"email": email, "visits": 1}
    return str((await running.http.post(f"/in/{source}", json=body, headers=WORD)).json()["id"])


async def broken(running: Running, source: str, *emails: str) -> list[str]:
    await running.add_source(source, BROKEN)
    event_ids = [await post(running, source, email) for email in emails]
    for event_id in event_ids:
        await running.event(event_id)  # stored, not only known
    return event_ids


async def test_a_discarded_event_says_why_and_who_did_it(running: Running) -> None:
    (event_id,) = await broken(running, "discards", "one@example.com")
    await discard.discard_event(running.op, event_id, "  a test of the sender  ")
    event = await running.event(event_id, "discarded")
    assert event["reason"] == "a test of the sender"
    with pytest.raises(Conflict, match="is discarded: only what is failed, waiting, held"):
        await discard.discard_event(running.op, event_id, "again")


async def test_a_discarded_event_can_be_replayed_and_the_replay_counts(running: Running) -> None:
    (event_id,) = await broken(running, "discard-replay", "back@example.com")
    await discard.discard_event(running.op, event_id, "not wanted")
    await scripts.push_script(running.op, "discard-replay", OPEN_SCRIPT, is_published=True)
    again = await running.event(await replay.replay_event(running.op, event_id))
    assert (again["status"], (await running.contact("email", "back@example.com")).status_code) == ("applied", 200)
    assert (await running.event(event_id, "discarded"))["replaced_by"] == again["id"]


async def test_a_held_event_that_is_discarded_is_not_applied_when_its_source_goes_on(running: Running) -> None:
    await running.add_source("discard-held")
    await sources.pause_source(running.op, "discard-held")
    kept, gone = [await post(running, "discard-held", f"{name}@held.example") for name in ("kept", "gone")]
    for event_id in (kept, gone):
        await running.event(event_id)
    await discard.discard_event(running.op, gone, "sent by mistake")
    await sources.resume_source(running.op, "discard-held")
    await running.event(kept, "applied")
    assert (await running.event(gone, "discarded"))["applied_at"] is None
    assert (await running.contact("email", "gone@held.example")).status_code == 404


async def test_what_is_applied_is_not_discarded(running: Running) -> None:
    await running.add_source("discard-applied")
    event_id = await post(running, "discard-applied", "stays@example.com")
    await running.event(event_id, "applied")
    with pytest.raises(Conflict, match="is applied"):
        await discard.discard_event(running.op, event_id, "why not")
    assert (await running.contact("email", "stays@example.com")).status_code == 200


async def test_a_filter_discards_what_it_counted_in_steps(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discard, "DISCARDED_AT_ONCE", 2)
    event_ids = await broken(running, "discard-many", *(f"n{number}@example.com" for number in range(5)))
    others = await broken(running, "discard-others", "other@example.com")
    chosen = ReplayFilter(source="discard-many", status="failed")
    assert await discard.count_discard(running.op, chosen) == 5
    assert [done async for done in discard.discard_many(running.op, chosen, "an outage")] == [2, 4, 5]
    assert {(await running.event(event_id, "discarded"))["reason"] for event_id in event_ids} == {"an outage"}
    assert (await running.event(others[0], "failed"))["status"] == "failed"
    assert await discard.count_discard(running.op, chosen) == 0


async def test_no_reason_no_event_and_a_wrong_status_are_refused(running: Running) -> None:
    with pytest.raises(OperatorError, match="say why"):
        await discard.discard_event(running.op, "evt_none", " ")
    with pytest.raises(NotFound):
        await discard.discard_event(running.op, "evt_none", "because")
    with pytest.raises(OperatorError, match="cannot be discarded"):
        await discard.count_discard(running.op, ReplayFilter(status="applied"))
