"""The queue on its page: what waits, a job to its events, and the switch of all workers."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running
from staffed import EVIL, last_write, page, staff, write
from visitors import House

pytestmark = pytest.mark.asyncio(loop_scope="session")
HEARD_SECONDS = 2.0  # within these workers hear of the switch


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "queue", "que-ours", "que-theirs")


async def test_the_workers_are_held_with_a_reason_and_what_waits_leads_to_its_events(
    running: Running, house: House
) -> None:
    admin = await house.signed_in("admin")
    await write(admin, "/queue/pause", reason=EVIL)
    try:
        assert "holds the workers already" in await write(admin, "/queue/pause", 422)
        event_id = await _until_it_waits(running)
        shown = await admin.get("/queue")
        assert "queue-admin@example.com holds all workers" in shown.text
        assert EVIL not in shown.text
        assert "alert(1)" in shown.text
        jobs = re.findall(r'href="(/queue/jobs/[^"]+)"', shown.text)
        assert any([f'href="/events/{event_id}"' in await page(admin, path) for path in jobs])
        assert "safe in the queue" in await page(admin, f"/events/{event_id}")
        assert "Let the workers go on" not in await page(await house.signed_in("viewer"), "/queue")
    finally:
        await write(admin, "/queue/resume")
    await running.event(event_id, "applied")
    assert "nobody holds the workers" in await write(admin, "/queue/resume", 422)
    assert (await last_write(house, "workers.pause"))["after"]["reason"] == EVIL
    assert (await admin.get("/queue/jobs/nothing")).status_code == 404


async def _until_it_waits(running: Running) -> str:
    """Post until an event stays."""
    for _ in range(int(PATIENCE_SECONDS * 2)):
        sent = await running.http.post("/in/que-ours", json={"email": "q@example.com", "visits": 1}, headers=WORD)
        event_id = str(sent.json()["id"])
        await asyncio.sleep(0.5)
        if not await _is_applied(running, event_id):
            await asyncio.sleep(HEARD_SECONDS)  # it may have been taken already, by a worker that is slow
            if not await _is_applied(running, event_id):
                return event_id
    raise AssertionError("the workers were never held")


async def _is_applied(running: Running, event_id: str) -> bool:
    return "applied_at" in (await running.http.get(f"/api/events/{event_id}", headers=running.admin)).json()


async def test_who_may_see_some_sources_sees_no_jobs_inside_and_holds_nobody(house: House) -> None:
    ours = await house.signed_in("ours")
    text = await page(ours, "/queue")
    assert "Nothing waits in this lane" in text
    assert "que-theirs" not in text
    assert "Hold all workers" not in text
    assert (await ours.get("/queue/jobs/nothing")).status_code == 403
    assert (await ours.post("/queue/pause")).status_code == 403
