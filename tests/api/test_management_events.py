"""Management of what came in: found, taken again, put aside, grouped; keys, the queue, figures."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from managing import MENDED, Program, post, program_of
from running import PATIENCE_SECONDS, WORD, Running

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_search_is_read_on_page_by_page_and_misses_nothing(running: Running, admin: Program) -> None:
    await running.add_source("api-pages")
    posted = [await post(running, "api-pages", email=f"{number}@example.com", visits=1) for number in range(5)]
    found, after = [], ""
    while after is not None:
        page = await admin.done("GET", f"/api/events?source=api-pages&limit=2&after={after}")
        found += [event["id"] for event in page["events"]]
        after = page["next"]
    assert found == sorted(posted, reverse=True)
    one = await admin.done("GET", "/api/events?contact=email:3@example.com")
    assert [event["id"] for event in one["events"]] == [posted[3]]
    assert (await admin.done("GET", f"/api/events/{posted[0]}"))["status"] == "applied"


@pytest.mark.parametrize("query", ["statsu=failed", "status=lost", "since=yesterday", "limit=0", "limit=many"])
async def test_a_search_that_means_nothing_is_refused(admin: Program, query: str) -> None:
    assert (await admin.call("GET", f"/api/events?{query}")).status_code == 400


async def test_lists_are_cut_into_pages_by_their_last_row(running: Running, admin: Program) -> None:
    for name in ("api-list-a", "api-list-b", "api-list-c"):
        await running.add_source(name)
    page = await admin.done("GET", "/api/sources?limit=2&after=api-list-a")
    assert [row["name"] for row in page["sources"]] == ["api-list-b", "api-list-c"]
    assert (await admin.call("GET", "/api/sources?after=nowhere")).status_code == 400


async def test_a_failure_is_repaired_and_its_issue_resolved(running: Running, admin: Program) -> None:
    await running.add_source("api-repair")
    failed = await post(running, "api-repair", email="repair@example.com")
    (issue,) = (await admin.done("GET", "/api/issues?source=api-repair&state=open"))["issues"]
    body = {"state": "acknowledged", "note": "visits may be missing"}
    await admin.done("PUT", f"/api/issues/{issue['id']}/state", body)
    shown = await admin.done("GET", f"/api/issues/{issue['id']}")
    assert (shown["note"], [event["id"] for event in shown["events"]]) == (body["note"], [failed])
    await admin.done("POST", "/api/sources/api-repair/versions", {"text": MENDED, "is_published": True})
    replay = await admin.done("POST", f"/api/events/{failed}/replay")
    assert (await running.event(replay["id"]))["status"] == "applied"
    await admin.done("PUT", f"/api/issues/{issue['id']}/state", {"state": "resolved"})
    assert (await admin.done("GET", "/api/issues?source=api-repair&state=open"))["issues"] == []


async def test_what_is_discarded_wants_a_reason(running: Running, admin: Program) -> None:
    await running.add_source("api-discard")
    failed = await post(running, "api-discard", email="discard@example.com")
    path = f"/api/events/{failed}"
    assert (await admin.call("POST", f"{path}/discard", {})).json()["errors"][0]["pointer"] == "/reason"
    assert (await admin.call("POST", f"{path}/discard", {"reason": " "})).status_code == 400
    await admin.done("POST", f"{path}/discard", {"reason": "a test"})
    assert (await admin.done("GET", path))["status"] == "discarded"
    assert (await admin.call("POST", f"{path}/discard", {"reason": "again"})).status_code == 409
    await admin.done("PUT", f"{path}/bookmark", {"is_on": True})
    (marked,) = (await admin.done("GET", "/api/events?bookmarked=1&source=api-discard"))["events"]
    assert marked["id"] == failed


async def test_many_are_taken_again_as_one_job(running: Running, http: httpx.AsyncClient, admin: Program) -> None:
    await running.add_source("api-bulk")
    for number in range(3):
        await post(running, "api-bulk", email=f"bulk{number}@example.com")
    await admin.done("POST", "/api/sources/api-bulk/versions", {"text": MENDED, "is_published": True})
    chosen: dict[str, Any] = {"kind": "replay", "filter": {"source": "api-bulk", "status": "failed"}}
    assert await admin.done("POST", "/api/bulk/count", chosen) == {"count": 3, "is_exact": True}
    job = await admin.done("POST", "/api/bulk", chosen)
    done = await _ended(admin, job["id"])
    assert (done["state"], done["done"]) == ("done", 3)
    assert job["id"] in {one["id"] for one in (await admin.done("GET", "/api/bulk"))["jobs"]}
    assert (await admin.call("POST", f"/api/bulk/{job['id']}/pause")).status_code == 409
    assert (await admin.call("POST", "/api/bulk", {"kind": "discard", "filter": {}})).status_code == 400
    assert (await admin.call("POST", "/api/bulk", {**chosen, "filter": {"limit": "1"}})).status_code == 400
    other = await program_of(running, http, "viewer", "api-pages")
    assert (await other.call("GET", f"/api/bulk/{job['id']}")).status_code == 404
    assert (await other.done("GET", "/api/bulk"))["jobs"] == []


async def _ended(admin: Program, bulk_id: str) -> dict[str, Any]:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        job: dict[str, Any] = await admin.done("GET", f"/api/bulk/{bulk_id}")
        if job["state"] == "done":
            return job
        assert time.monotonic() < give_up_at, job
        await asyncio.sleep(0.02)


async def test_what_is_captured_is_let_in_later(running: Running, admin: Program) -> None:
    await running.add_source("api-capture")
    path = "/api/sources/api-capture"
    assert (await admin.done("PUT", f"{path}/capture", {"hours": 0.5, "requests": 10}))["is_on"]
    assert (await admin.call("PUT", f"{path}/capture", {"hours": "long"})).status_code == 422
    answer = await running.http.post("/in/api-capture", json={"email": "c@example.com", "visits": 1}, headers=WORD)
    assert answer.json()["status"] == "captured"
    (sample,) = await _kept(admin, f"{path}/samples")
    await admin.done("DELETE", f"{path}/capture")
    assert not (await admin.done("GET", f"{path}/capture"))["is_on"]
    let_in = await admin.done("POST", f"{path}/samples/{sample['id']}/process")
    assert (await running.event(let_in["id"]))["status"] == "applied"
    await running.http.post("/in/api-capture", json={}, headers={"x-word": "wrong"})
    (refused,) = await _kept(admin, f"{path}/rejected")
    assert refused["reason"]


async def _kept(admin: Program, path: str) -> list[dict[str, Any]]:
    """Wait for what the gateway keeps beside its answers."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := (await admin.done("GET", path))["requests"]):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)
    return list(found)


async def test_a_key_is_shown_once_and_refused_as_soon_as_it_is_revoked(
    running: Running, http: httpx.AsyncClient, admin: Program
) -> None:
    new = await admin.done("POST", "/api/keys", {"name": "ci", "role": "viewer", "sources": []})
    program = Program(http, {"authorization": f"Bearer {new['key']}"})
    await program.done("GET", "/api/sources")
    assert new["key"] not in (await admin.call("GET", "/api/keys?limit=500")).text
    await admin.done("DELETE", f"/api/keys/{new['id']}")
    assert (await program.call("GET", "/api/sources")).status_code == 401
    assert (await admin.call("DELETE", f"/api/keys/{new['id']}")).status_code == 404
    assert (await admin.call("POST", "/api/keys", {"name": "x", "role": "king"})).status_code == 422


async def test_a_key_of_some_sources_makes_itself_no_wider_one(running: Running, http: httpx.AsyncClient) -> None:
    await running.add_source("api-narrow")
    narrow = await program_of(running, http, "admin", "api-narrow")
    assert (await narrow.call("POST", "/api/keys", {"name": "wide", "role": "admin"})).status_code == 403
    assert (await narrow.call("GET", "/api/keys")).status_code == 403
    assert (await narrow.call("POST", "/api/sources", {"name": "api-wide"})).status_code == 403
    assert (await narrow.call("POST", "/api/queue/pause", {})).status_code == 403
    assert (await narrow.call("DELETE", "/api/sources/api-pages")).status_code == 403
    await narrow.done("GET", "/api/sources/api-narrow")


async def test_the_queue_and_the_figures_can_be_watched(running: Running, admin: Program) -> None:
    assert (await admin.done("GET", "/api/queue"))["appendonly"]
    await admin.done("POST", "/api/queue/pause", {"reason": "a test"})
    try:
        assert (await admin.done("GET", "/api/queue"))["paused"]["reason"] == "a test"
        assert (await admin.call("POST", "/api/queue/pause", {})).status_code == 409
    finally:
        await admin.done("POST", "/api/queue/resume")
    assert (await admin.done("GET", "/api/stats?span=24h"))["span"] == "24h"
    assert (await admin.call("GET", "/api/stats?span=1y")).status_code == 400
