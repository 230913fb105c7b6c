"""Repairing: issues, bulk work, edited copies."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from running import Running
from workbench import BRITTLE, MENDED, post, post_settled, until

from gateway.errors import Conflict, NotFound, OperatorError
from gateway.operations import bulk, capturing, issues, scripts, sources
from gateway.operations.audit import list_audit
from gateway.operations.discard import discard_event
from gateway.operations.editing import bookmark_event, edit_and_replay, write_curl
from gateway.operations.replay import replay_event
from gateway.operations.requests import show_request
from gateway.operations.searching import search_events
from gateway.store.issues import Failure, cause_of
from gateway.store.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def issues_of(running: Running, source: str) -> list[dict[str, Any]]:
    return list((await issues.list_issues(running.op, sources=[source]))["issues"])


async def ended(running: Running, bulk_id: str) -> dict[str, Any]:
    """Wait until a job is over and all of its replays are applied."""

    def is_over(job: dict[str, Any]) -> bool:
        return job["state"] in ("done", "failed", "cancelled") and not job["result"].get("queued")

    return dict(await until(lambda: bulk.load_bulk(running.op, bulk_id), is_over))


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("KeyError: visits", "KeyError: visits"),
        ("no such person ann.b+c@shop.example.com", "no such person …"),
        ("unknown sku 'A-1' for \"Tea\"", "unknown sku '…' for '…'"),
        ("order 5324830114001 of evt_01JTEST000000000000000000 is 3 days old", "order # of # is # days old"),
        (
            "/0/items/0/qty: too small; /0/items/1/qty: too small; /0/items/17/sku: missing … and 4 more",
            "/#/items/#/qty: too small; /#/items/#/sku: missing",
        ),
        ("/0/items/0/qty: too small; /0/items/1/qty: too small … and more", "/#/items/#/qty: too small"),
    ],
)
async def test_a_cause_is_the_reason_without_what_differs(reason: str, cause: str) -> None:
    assert cause_of(reason) == cause


async def test_failures_are_one_issue_by_source_stage_cause_and_line(running: Running) -> None:
    def issue(**values: Any) -> str:
        told = {"source": "s", "stage": "transform", "reason": "KeyError: 1", "trace": '[{"text": "a = 1"}]'} | values
        return Failure("evt_1", version_id=None, at=0, **told).issue_id

    assert issue() == issue(reason="KeyError: 2")
    others = [issue(source="t"), issue(stage="apply"), issue(reason="ValueError: 1"), issue(trace='[{"text": "b"}]')]
    assert len({issue(), *others}) == 5
    slow = [
        issue(reason=f"limit: {limit}", trace=trace) for limit in ("cpu 0.25 s", "cpu 0.3 s") for trace in ("[]", None)
    ]
    assert len({*slow, issue(reason="limit: cpu 0.25 s")}) == 1  # a loop is killed at any of its lines


async def test_an_issue_counts_deliveries_and_what_was_repaired_counts_no_more(running: Running) -> None:
    op, name = running.op, "issue-count"
    await running.add_source(name, BRITTLE)
    failed = [await post_settled(running, name, email=f"i{number}@example.com") for number in range(3)]
    again = await replay_event(op, failed[0])
    await running.event(again, "failed")
    (issue,) = await issues_of(running, name)
    assert (issue["cause"], issue["stage"], issue["count"]) == ("KeyError: visits", "transform", 3)
    assert issue["first_event_id"] == failed[0]
    assert issue["last_event_id"] == again
    assert issue["first_version"]["number"] == 1
    assert "visits" in issue["line"]
    await scripts.push_script(op, name, MENDED, is_published=True)
    await running.event(await replay_event(op, failed[0]), "applied")
    shown = await issues.load_issue(op, issue["id"])
    assert shown["count"] == 2
    assert [event["id"] for event in shown["events"]] == [again, *reversed(failed)]
    assert [(one["number"], one["count"]) for one in shown["versions"]] == [(1, 4)]


async def test_a_resolved_issue_is_open_again_when_it_fails_again(running: Running) -> None:
    op, name = running.op, "issue-regressed"
    await running.add_source(name, BRITTLE)
    await post_settled(running, name, email="r@example.com")
    (issue,) = await issues_of(running, name)
    await issues.acknowledge_issue(op, issue["id"], note="looking")
    await post_settled(running, name, email="r@example.com")
    (seen,) = await issues_of(running, name)
    assert (seen["state"], seen["note"], seen["regressed_at"]) == ("acknowledged", "looking", None)
    await issues.resolve_issue(op, issue["id"])
    assert (await issues.list_issues(op, sources=[name], states=["open"]))["issues"] == []
    await post_settled(running, name, email="r@example.com")
    (again,) = await issues_of(running, name)
    assert (again["state"], again["note"]) == ("open", "looking")
    assert again["regressed_at"] == again["last_seen"]
    with pytest.raises(NotFound):
        await issues.resolve_issue(op, "iss_of_nobody")
    with pytest.raises(OperatorError):
        await issues.list_issues(op, states=["lost"])


async def test_issues_are_listed_a_page_at_a_time_the_newest_failure_first(running: Running) -> None:
    op, name = running.op, "issue-pages"
    text = 'def transform(request, context):\n    raise ValueError(request.json["why"])\n'
    await running.add_source(name, f"{text}\n\ndef authenticate(request, context):\n    return True\n")
    for why in ("a", "b", "c", "a"):
        await post_settled(running, name, why=why)
    first = await issues.list_issues(op, sources=[name], limit=2)
    second = await issues.list_issues(op, sources=[name], limit=2, before=first["next"])
    causes = [issue["cause"] for page in (first, second) for issue in page["issues"]]
    assert causes == ["ValueError: a", "ValueError: c", "ValueError: b"]
    assert second["next"] is None


async def test_all_of_an_issue_is_replayed_once_a_delivery_after_the_fix(running: Running) -> None:
    op, name = running.op, "bulk-fix"
    await running.add_source(name, BRITTLE)
    failed = [await post_settled(running, name, email=f"f{number}@example.com") for number in range(5)]
    await running.event(await replay_event(op, failed[1]), "failed")
    good = await post_settled(running, name, email="fine@example.com", visits=1)
    await scripts.push_script(op, name, MENDED, is_published=True)
    (issue,) = await issues_of(running, name)
    chosen = EventFilter(issue=issue["id"], statuses=("failed",))
    counted = await bulk.bulk_count(op, "replay", chosen)
    assert counted == {"count": 5, "is_exact": True}
    begun = await bulk.bulk_create(op, "replay", chosen, total=counted["count"])
    job = await ended(running, begun["id"])
    assert (job["state"], job["total"], job["done"], job["result"]) == ("done", 5, 5, {"applied": 5, "queued": 0})
    found = await search_events(op, EventFilter(bulk_id=begun["id"]))
    assert sorted(event["root"] for event in found["events"]) == sorted(failed)
    assert (await issues.load_issue(op, issue["id"]))["count"] == 0
    assert (await running.event(good))["replaced_by"] is None


async def test_a_job_of_a_filter_on_payloads_takes_only_what_holds_the_text(running: Running) -> None:
    op, name = running.op, "bulk-text"
    await running.add_source(name, BRITTLE)
    for word in ("tea", "coffee", "green tea"):
        await post_settled(running, name, email="t@example.com", word=word)
    chosen = EventFilter(sources=(name,), statuses=("failed",), path="word", value="tea")
    assert await bulk.bulk_count(op, "replay", chosen) == {"count": 1, "is_exact": True}
    job = await ended(running, (await bulk.bulk_create(op, "replay", chosen))["id"])
    assert (job["done"], job["result"]) == (1, {"failed": 1, "queued": 0})


async def test_what_is_discarded_in_bulk_has_its_reason_and_needs_one(running: Running) -> None:
    op, name = running.op, "bulk-discard"
    await running.add_source(name, BRITTLE)
    failed = [await post_settled(running, name, email="d@example.com") for _ in range(3)]
    applied = await post_settled(running, name, email="d@example.com", visits=1)
    chosen = EventFilter(sources=(name,))
    with pytest.raises(OperatorError, match="say why"):
        await bulk.bulk_create(op, "discard", chosen)
    assert (await bulk.bulk_count(op, "discard", chosen))["count"] == 3
    job = await ended(running, (await bulk.bulk_create(op, "discard", chosen, reason="a test shop"))["id"])
    assert (job["done"], job["result"]) == (3, {"discarded": 3})
    for event_id in failed:
        event = await running.event(event_id, "discarded")
        assert "a test shop" in event["reason"]
    assert (await running.event(applied))["status"] == "applied"
    with pytest.raises(Conflict):
        await discard_event(op, applied, "no")


async def test_all_samples_of_a_source_are_let_in_and_the_forged_ones_counted(running: Running) -> None:
    op, name = running.op, "bulk-samples"
    await running.add_source(name)
    await capturing.capture(op, name)
    ids = [await post(running, name, email=f"s{number}@example.com", visits=number) for number in range(3)]
    await running.http.post(f"/in/{name}", content=b"{}", headers={"x-word": "wrong"})
    await capturing.stop_capture(op, name)
    chosen = EventFilter(sources=(name,))
    assert (await bulk.bulk_count(op, "process_samples", chosen))["count"] == 4
    job = await ended(running, (await bulk.bulk_create(op, "process_samples", chosen))["id"])
    assert (job["done"], job["failed"], job["result"]) == (4, 1, {"applied": 3, "queued": 0})
    for event_id in ids:
        assert (await running.event(event_id, "applied"))["source"] == name


async def test_a_job_can_be_paused_resumed_and_cancelled_but_not_when_it_is_over(running: Running) -> None:
    op, name = running.op, "bulk-states"
    await running.add_source(name, BRITTLE)
    job = await bulk.bulk_create(op, "replay", EventFilter(sources=(name,)))
    job = await ended(running, job["id"])
    for act in (bulk.pause_bulk, bulk.cancel_bulk, bulk.resume_bulk):
        with pytest.raises(Conflict, match="is done"):
            await act(op, job["id"])
    with pytest.raises(NotFound):
        await bulk.pause_bulk(op, "blk_of_nobody")
    assert (await bulk.list_bulk(op, limit=1))["jobs"][0]["id"] == job["id"]


async def test_an_edited_copy_is_an_event_of_its_own_that_names_the_original(running: Running) -> None:
    op, name = running.op, "edit-copy"
    await sources.add_source(op, name, plugin="generic", secrets={"signing_secret": "a-secret-of-this-shop"})
    await running.add_source("edit-own", BRITTLE)
    failed = await post_settled(running, "edit-own", email="edit@example.com")
    body = orjson.dumps({"email": "edit@example.com", "visits": 4})
    copy = await edit_and_replay(op, failed, body=body, headers=[("content-type", "application/json")])
    event = await running.event(copy["id"], "applied")
    assert (event["edited_from"], event["root"], event["unique_key"]) == (failed, copy["id"], None)
    shown = await show_request(op, copy["id"])
    assert shown["head"]["headers"] == [["content-type", "application/json"]]
    contact = (await running.contact("email", "edit@example.com")).json()
    assert contact["attributes"]["visits"] == 4
    found = await search_events(op, EventFilter(edited_from=failed))
    assert [one["id"] for one in found["events"]] == [copy["id"]]
    rows, _ = await list_audit(op, subject=failed)
    assert rows[0]["after"] == {"id": copy["id"], "changed": ["headers", "body"]}
    posted = await running.http.post(
        "/api/upsertContact", json={"identifiers": {"email": "x@example.com"}}, headers=running.admin
    )
    await running.event(posted.json()["id"])
    with pytest.raises(Conflict, match="action API"):
        await edit_and_replay(op, posted.json()["id"], body=b"{}")


async def test_a_bookmark_is_found_again_and_taken_off(running: Running) -> None:
    op, name = running.op, "bookmarks"
    await running.add_source(name)
    event_id = await post_settled(running, name, email="m@example.com", visits=1)
    await bookmark_event(op, event_id)
    chosen = EventFilter(is_bookmarked=True, sources=(name,))
    assert [one["id"] for one in (await search_events(op, chosen))["events"]] == [event_id]
    await bookmark_event(op, event_id, is_on=False)
    assert (await search_events(op, chosen))["events"] == []
    with pytest.raises(NotFound):
        await bookmark_event(op, "evt_of_nobody")


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "curl@example.com", "visits": 1}',
        'it\'s "ü" $(id) `id` \\ !\n'.encode(),
        b"@/etc/hostname",
        bytes(range(256)) * 400,
        b"",
    ],
)
async def test_a_curl_command_sends_the_very_bytes_and_no_credential(
    running: Running, body: bytes, tmp_path: Path
) -> None:
    op, name = running.op, "curls"
    text = "def authenticate(request, context):\n    return True\n\n\ndef transform(request, context):\n    return []\n"
    if name not in {source["name"] for source in await sources.list_sources(op)}:
        await running.add_source(name, text)
    headers = {"x-shop-signature": "deadbeef", "cookie": "a=b", "authorization": "Bearer x", "x-shop": "it's $HOME"}
    answer = await running.http.post(f"/in/{name}/a'b?q=[1-3]&r={{a}}", content=body, headers=headers)
    event_id = answer.json()["id"]
    await running.event(event_id)
    command = await write_curl(op, event_id, is_raw=True)
    for word in ("deadbeef", "cookie", "Bearer"):
        assert word not in command
    # What a real shell makes of it, with a curl that writes down what it is given.
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$OUT/arguments"\ncat > "$OUT/stdin"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(tmp_path)}
    script = tmp_path / "script"
    script.write_text(command)
    shell = ["/bin/sh", str(script)]
    await asyncio.to_thread(subprocess.run, shell, env=environment, check=True, stdin=subprocess.DEVNULL)
    given = (tmp_path / "arguments").read_text()
    assert urlsplit(given.splitlines()[3]).query == "q=[1-3]&r={a}"
    assert "x-shop: it's $HOME" in given.splitlines()
    if given.rstrip().endswith("@-"):
        assert (tmp_path / "stdin").read_bytes() == body
    elif body:
        assert given.partition("--data-binary\n")[2].encode() == body + b"\n"
    else:
        assert "--data-binary" not in given
