"""Issues and bulk work on their pages: what keeps failing is found, judged, repaired; the count comes first."""

from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import orjson
import pytest
import pytest_asyncio
from running import WORD, Running
from visitors import ROLES, House, Visitor

from console.app import build_console
from gateway.operations import bulk, issues
from gateway.operations.scripts import push_script
from gateway.operations.searching import search_events
from gateway.store.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = '''"""Breaks where there is no number."""

from gateway.toolbox import upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    person = request.json
    yield upsert_contact(identifiers={"email": person["email"]}, attributes={"n": person["n"]})
'''
MENDED = BROKEN.replace('person["n"]', 'person.get("n")')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def manned(running: Running) -> AsyncIterator[House]:
    """Give the console of the running product, with people; one of them sees a single source."""
    house = House(build_console(running.op, running.settings), running.op, running.settings, {})
    for role in ROLES:
        house.people[role] = await house.add(f"issues-{role}@example.com", role)
    await running.add_source("mine", BROKEN)
    await running.add_source("foreign", BROKEN)
    house.people["mine"] = await house.add("mine@example.com", "integrator", "mine")
    yield house


async def fail(running: Running, source: str, *names: str, **more: Any) -> list[str]:
    """Post what breaks; gives the ids when all have failed."""
    ids = []
    for name in names:
        body = orjson.dumps({"email": f"{name}@example.com", **more})
        ids.append(str((await running.http.post(f"/in/{source}", content=body, headers=WORD)).json()["id"]))
        await running.event(ids[-1])
    return ids


async def issue_of(running: Running, source: str) -> dict[str, Any]:
    (issue,) = (await issues.list_issues(running.op, sources=[source]))["issues"]
    return dict(issue)


async def page(visitor: Visitor, path: str, status: int = 200) -> str:
    answer = await visitor.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return unescape(answer.text)


async def over(running: Running, bulk_id: str) -> dict[str, Any]:
    """Wait until a job is done and all that it has queued is stored."""
    job = await bulk.load_bulk(running.op, bulk_id)
    while job["state"] in ("queued", "running") or job["result"].get("queued"):
        job = await bulk.load_bulk(running.op, bulk_id)
    return job


async def test_an_issue_is_judged_and_its_list_follows(running: Running, manned: House) -> None:
    await fail(running, "mine", "a", "b")
    issue = await issue_of(running, "mine")
    visitor, address = await manned.signed_in("integrator"), f"/issues/{issue['id']}"
    assert "KeyError: n" in await page(visitor, "/issues?source=mine")
    text = await page(visitor, address)
    assert "2 deliveries" in text
    assert "Replay all 2" in text
    assert "version 1" in text
    await visitor.post(f"{address}/state", {"act": "acknowledge", "note": "Vera looks after it"})
    assert "Vera looks after it" in await page(visitor, address)
    assert issue["id"] in await page(visitor, "/issues?state=acknowledged")
    assert issue["id"] not in await page(visitor, "/issues?state=open")
    await visitor.post(f"{address}/state", {"act": "note", "note": "It was the till"})
    assert (await issue_of(running, "mine"))["state"] == "acknowledged", "a note alone changes no state"
    await visitor.post(f"{address}/state", {"act": "resolve", "note": "It was the till"})
    assert issue["id"] not in await page(visitor, "/issues")
    assert issue["id"] in await page(visitor, "/issues?state=resolved")
    await fail(running, "mine", "c")
    assert "came back" in await page(visitor, "/issues?state=open&source=mine")
    refused = await visitor.post(f"{address}/state", {"act": "forget", "note": ""})
    assert refused.status_code == 422
    assert (await visitor.get(f"/search?q={issue['id']}")).headers["location"] == address


async def test_who_only_reads_is_drawn_no_button_and_refused(running: Running, manned: House) -> None:
    issue = await issue_of(running, "mine")
    visitor = await manned.signed_in("viewer")
    text = await page(visitor, f"/issues/{issue['id']}")
    for word in ("Acknowledge</button>", "Resolve</button>", "Replay all", "/bulk/new"):
        assert word not in text
    assert (await visitor.post(f"/issues/{issue['id']}/state", {"act": "resolve"})).status_code == 403
    assert (await visitor.get("/bulk/new?kind=replay")).status_code == 403
    assert (await visitor.post("/bulk/new?kind=replay")).status_code == 403


async def test_what_belongs_to_a_foreign_source_is_not_there(running: Running, manned: House) -> None:
    await fail(running, "foreign", "z")
    foreign = await issue_of(running, "foreign")
    job = await bulk.bulk_create(running.op, "replay", EventFilter(sources=("foreign",), statuses=("held",)))
    visitor = await manned.signed_in("mine")
    for path in (f"/issues/{foreign['id']}", f"/bulk/{job['id']}"):
        assert (await visitor.get(path)).status_code == 404
    for path in (f"/issues/{foreign['id']}/state", f"/bulk/{job['id']}/cancel", f"/bulk/{job['id']}/pause"):
        assert (await visitor.post(path, {"act": "resolve"})).status_code == 404
    assert foreign["id"] not in await page(visitor, "/issues?state=all")
    assert foreign["id"] not in await page(visitor, "/issues?state=all&source=foreign")
    assert job["id"] not in await page(visitor, "/bulk")
    assert job["id"] in await page(await manned.signed_in("viewer"), "/bulk")
    text = await page(visitor, f"/bulk/new?kind=replay&issue={foreign['id']}&status=failed")
    assert "Nothing to do" in text, "the count is of their own sources alone"
    begun = await visitor.post(f"/bulk/new?kind=discard&issue={foreign['id']}", {"reason": "mine now"})
    done = await over(running, begun.headers["location"].rpartition("/")[2])
    assert done["done"] == 0
    assert (await issue_of(running, "foreign"))["count"] == 1


async def test_all_of_an_issue_is_replayed_after_the_fix_and_what_became_of_it_is_told(
    running: Running, manned: House
) -> None:
    await running.add_source("fixed", BROKEN)
    await fail(running, "fixed", "p", "q", "r")
    issue, visitor = await issue_of(running, "fixed"), await manned.signed_in("integrator")
    address = f"/bulk/new?kind=replay&issue={issue['id']}&status=failed"
    assert address in await page(visitor, f"/issues/{issue['id']}")
    assert "<strong>3</strong> deliveries to replay" in await page(visitor, address)
    begun = await visitor.post(address, {"total": "3"})
    job = begun.headers["location"]
    await over(running, job.rpartition("/")[2])
    text = await page(visitor, job)
    assert "3 failed again" in text
    assert f"/events?bulk={job.rpartition('/')[2]}&status=failed" in text
    await push_script(running.op, "fixed", MENDED, is_published=True)
    again = (await visitor.post(address, {"total": "3"})).headers["location"]
    await over(running, again.rpartition("/")[2])
    text = await page(visitor, again)
    assert "Every one of them went through" in text
    assert 'hx-trigger="every 1s"' not in text, "what is over is not asked for any more"
    assert "none: all of them are repaired" in await page(visitor, f"/issues/{issue['id']}")
    stopped = await visitor.post(f"{again}/pause")
    assert stopped.status_code == 422
    assert "is done" in stopped.text


async def test_many_are_discarded_with_one_reason_that_is_asked_for(running: Running, manned: House) -> None:
    await running.add_source("rubbish", BROKEN)
    ids = await fail(running, "rubbish", "s", "t")
    visitor = await manned.signed_in("integrator")
    address = "/bulk/new?kind=discard&source=rubbish"
    assert "<strong>2</strong> events to discard" in await page(visitor, address)
    refused = await visitor.post(address, {"reason": " ", "total": "2"})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    job = (await visitor.post(address, {"reason": "a test shop", "total": "2"})).headers["location"]
    await over(running, job.rpartition("/")[2])
    assert "2 of 2" in await page(visitor, job)
    assert "a test shop" in await page(visitor, job)
    found = await search_events(running.op, EventFilter(sources=("rubbish",), statuses=("discarded",)))
    assert sorted(event["id"] for event in found["events"]) == ids


async def test_what_lies_in_payloads_is_counted_after_the_page_is_there(running: Running, manned: House) -> None:
    await fail(running, "mine", "deep", word="needle")
    visitor = await manned.signed_in("integrator")
    text = await page(visitor, "/bulk/new?kind=replay&source=mine&text=needle")
    assert "Counting" in text
    later = text.partition('id="bulk_count"')[2].partition('hx-get="')[2].partition('"')[0]
    counted = await visitor.get(later, **{"hx-request": "true", "hx-target": "bulk_count"})
    assert "<strong>1</strong> delivery to replay" in counted.text
    assert "<main" not in counted.text


async def test_a_job_that_waits_can_be_paused_resumed_and_cancelled(running: Running, manned: House) -> None:
    """On a job that no worker takes: one that is paused before it is seen."""
    visitor = await manned.signed_in("integrator")
    job = await bulk.bulk_create(running.op, "replay", EventFilter(sources=("mine",), statuses=("answered",)))
    address, answer = f"/bulk/{job['id']}", await visitor.post(f"/bulk/{job['id']}/pause")
    if answer.status_code == 303:  # else the worker was quicker: what is over cannot be paused
        assert ">Resume<" in await page(visitor, address)
        await visitor.post(f"{address}/resume")
    await visitor.post(f"{address}/cancel")
    assert (await over(running, job["id"]))["state"] in ("cancelled", "done")
    text = await page(visitor, address)
    for word in (">Pause<", ">Resume<", ">Cancel<"):
        assert word not in text


async def test_an_unknown_state_or_kind_is_refused_in_words(manned: House) -> None:
    visitor = await manned.signed_in("admin")
    assert 'no state "lost"' in await page(visitor, "/issues?state=lost", 400)
    assert "Bulk work is one of replay, discard" in await page(visitor, "/bulk/new?kind=eat", 400)
    assert (await visitor.get("/issues/iss_of_nobody")).status_code == 404
    assert (await visitor.get("/bulk/blk_of_nobody")).status_code == 404
