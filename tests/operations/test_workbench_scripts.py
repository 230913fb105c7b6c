"""Writing scripts: drafts, fixtures, trying a text, and comparing it with what is live."""

import asyncio
import sys

import orjson
import pytest
from running import OPEN_SCRIPT, WORD, Running
from workbench import BRITTLE, MENDED, post_settled

from gateway import toolbox
from gateway.errors import Conflict, NotFound, OperatorError, ScriptRefused
from gateway.operations import capturing, comparing, diffs, drafts, fixtures, secrets, sources
from gateway.operations.audit import list_audit
from gateway.operations.runnable import load_unpublished
from gateway.operations.toolbox_docs import GROUPS, completion_items, toolbox_docs
from gateway.operations.trial_requests import find_request, paste_request, read_headers
from gateway.operations.trying import try_script
from gateway.plugins import load_plugin
from gateway.sandbox.limits import MIB, Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_draft_begins_with_what_is_live_and_becomes_a_version(running: Running) -> None:
    op, name = running.op, "draft-life"
    await running.add_source(name)
    opened = await drafts.open_editor(op, name)
    assert (opened["text"], opened["revision"], opened["is_draft"]) == (OPEN_SCRIPT, 0, False)
    saved = await drafts.save_draft(op, name, MENDED, seen_revision=0)
    assert (await drafts.open_editor(op, name))["text"] == MENDED
    version = await drafts.publish_draft(op, name, seen_revision=saved["revision"], note="mended")
    assert (version["number"], version["is_live"]) == (2, True)
    assert await drafts.find_draft(op, name) is None
    rows, _ = await list_audit(op, subject=name)
    assert [row["operation"] for row in rows][:3] == ["script.publish", "script.push", "draft.save"]


async def test_who_saves_over_a_newer_draft_hears_who_was_quicker(running: Running) -> None:
    op, name = running.op, "draft-conflict"
    await running.add_source(name)
    first = await drafts.save_draft(op, name, "# one", seen_revision=0)
    second = await drafts.save_draft(op, name, "# two", seen_revision=first["revision"])
    with pytest.raises(Conflict) as refused:
        await drafts.save_draft(op, name, "# three", seen_revision=first["revision"])
    assert refused.value.extra == {"author": "test", "changed_at": second["changed_at"], "revision": 2}
    with pytest.raises(Conflict):
        await drafts.publish_draft(op, name, seen_revision=first["revision"])
    assert await drafts.load_text(op, name, "draft") == "# two"
    await drafts.discard_draft(op, name)
    with pytest.raises(NotFound):
        await drafts.load_text(op, name, "draft")


async def test_a_draft_says_when_another_version_has_gone_live_since(running: Running) -> None:
    op, name = running.op, "draft-stale"
    await running.add_source(name)
    await drafts.save_draft(op, name, MENDED, seen_revision=0)
    assert not (await drafts.find_draft(op, name) or {})["is_stale"]
    from gateway.operations.scripts import push_script

    await push_script(op, name, BRITTLE, is_published=True)
    assert (await drafts.find_draft(op, name) or {})["is_stale"]


async def test_a_refused_draft_stays_a_draft_and_names_the_place(running: Running) -> None:
    op, name = running.op, "draft-refused"
    await running.add_source(name)
    broken = "import os\n\n\ndef transform(request, context):\n    return []\n"
    saved = await drafts.save_draft(op, name, broken, seen_revision=0)
    checked = await drafts.check_draft(op, name, broken)
    assert [(problem["line"], problem["column"]) for problem in checked["problems"]] == [(1, 8)]
    with pytest.raises(ScriptRefused):
        await drafts.publish_draft(op, name, seen_revision=saved["revision"])
    assert await drafts.load_text(op, name, "draft") == broken
    assert await drafts.load_text(op, name, "live") == OPEN_SCRIPT


async def test_two_texts_are_compared_line_by_line_and_letter_by_letter(running: Running) -> None:
    op, name = running.op, "draft-diff"
    await running.add_source(name, BRITTLE)
    await drafts.save_draft(op, name, MENDED + "\n# the end\n", seen_revision=0)
    shown = await drafts.diff_texts(op, name, "1", "draft")
    changed = [row for row in shown["rows"] if row["kind"] == "changed"]
    assert len(changed) == 1
    row = changed[0]
    cut = "".join(row["right"][begin:end] for begin, end in row["right_spans"])
    assert (row["left_no"], row["right_no"]) == (16, 16)
    assert ".get(" in cut
    assert "identifiers" not in cut
    assert [row["right"] for row in shown["rows"] if row["kind"] == "added"] == ["", "# the end"]
    assert "+# the end" in shown["unified"].splitlines()
    assert (shown["added"], shown["removed"]) == (3, 1)
    rebuilt = [row["right"] for row in shown["rows"] if row["right_no"]]
    assert "\n".join(rebuilt) + "\n" == MENDED + "\n# the end\n"


async def test_every_place_that_differs_between_two_documents_is_named_by_its_pointer(running: Running) -> None:
    before = {"a": 1, "b/c": {"d": [1, 2]}, "gone": None}
    after = {"a": True, "b/c": {"d": [1, 3, 4]}}
    found = {(change["kind"], change["pointer"]) for change in diffs.field_changes(before, after)}
    assert found == {("changed", "/a"), ("changed", "/b~1c/d/1"), ("added", "/b~1c/d/2"), ("removed", "/gone")}


async def test_trying_a_text_says_what_the_sender_would_hear_and_stores_nothing(running: Running) -> None:
    op, name = running.op, "try-answers"
    await running.add_source(name, BRITTLE)
    before = (await sources.show_source(op, name))["events"]
    for document, headers in (
        ({"email": "try@example.com", "visits": 3}, WORD),
        ({"email": "try@example.com"}, WORD),
        ({"nothing": True}, WORD),
        ({"email": "try@example.com", "visits": 3}, {"x-word": "wrong"}),
    ):
        body = orjson.dumps(document)
        request = await paste_request(op, name, body=body, headers=list(headers.items()))
        tried = await try_script(op, name, request, text=BRITTLE)
        heard = await running.http.post(f"/in/{name}", content=body, headers=headers)
        told = {header for header, _ in tried["response"]["headers"]}
        assert (tried["response"]["status"], told) == (
            heard.status_code,
            set(heard.headers) - {"content-length", "x-request-id"},
        )
        shown = orjson.loads(tried["response"]["body"])
        assert {**shown, "id": 0} == {
            key: value for key, value in {**heard.json(), "id": 0}.items() if key in {**shown, "id": 0}
        }
    assert before == {}


async def test_a_failing_text_shows_its_lines_its_log_and_its_times(running: Running) -> None:
    op, name = running.op, "try-fails"
    await running.add_source(name, BRITTLE)
    request = await paste_request(op, name, body=b'{"email": "a@example.com"}', headers=list(WORD.items()))
    tried = await try_script(op, name, request)
    assert (tried["status"], tried["stage"], tried["reason"]) == ("failed", "transform", "KeyError: visits")
    assert "visits" in tried["trace"][-1]["text"]
    assert tried["logs"] == f"event {request.event_id}\n"
    timing = tried["timing"]
    assert timing["authenticate_cpu_ms"] > 0
    assert timing["transform_cpu_ms"] > 0
    assert timing["wall_ms"] > timing["authenticate_cpu_ms"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
async def test_a_trial_tells_what_it_took_of_memory_and_not_what_the_one_before_took(running: Running) -> None:
    op, name = running.op, "try-memory"
    await running.add_source(name)
    text = "def transform(request, context):\n    print(len(bytes(request.json * 1024 * 1024)))\n"
    peaks = []
    for mib in (20, 1, 20):
        request = await paste_request(op, name, body=b"%d" % mib)
        memory = (await try_script(op, name, request, text=text))["memory"]
        assert memory["limit_bytes"] == Limits().memory_budget_bytes(2)
        peaks.append(memory["peak_bytes"] // MIB)
    assert peaks[0] == peaks[2] == 20
    assert peaks[1] < 5
    large = await paste_request(op, name, body=b"1" + b" " * 3 * MIB)
    memory = (await try_script(op, name, large, text=text))["memory"]
    assert memory["limit_bytes"] == Limits().memory_budget_bytes(3 * MIB + 1)


async def test_a_trial_that_was_ended_tells_no_memory(running: Running) -> None:
    op, name = running.op, "try-ended"
    await running.add_source(name)
    request = await paste_request(op, name, body=b"{}")
    tried = await try_script(op, name, request, text="def transform(request, context):\n    while True: pass\n")
    assert tried["reason"].startswith("limit: ")
    assert tried["memory"] is None


async def test_wrong_actions_are_shown_with_the_fault_of_every_bad_place(running: Running) -> None:
    op, name = running.op, "try-faults"
    await running.add_source(name)
    text = """def transform(request, context):
    yield {"action": "upsertContact", "identifiers": {"email": "a@example.com"}, "colour": 1}
    yield {"action": "upsertNobody"}
"""
    request = await paste_request(op, name, body=b"{}")
    tried = await try_script(op, name, request, text=text)
    assert tried["needs_key"] is True
    assert [fault["pointer"] for fault in tried["faults"]] == ["/0/colour", "/1"]
    assert tried["rows"][0]["contact"] == "email: a@example.com"
    assert tried["rows"][0]["fields"] == [{"pointer": "/0/colour", "name": "colour", "value": 1}]


async def test_a_text_that_does_not_pass_the_check_is_not_run(running: Running) -> None:
    op, name = running.op, "try-problems"
    await running.add_source(name)
    tried = await try_script(op, name, await paste_request(op, name, body=b"{}"), text="def transform(:\n")
    assert list(tried) == ["problems"]
    assert tried["problems"][0]["line"] == 1


async def test_another_text_runs_though_one_before_it_was_quarantined(running: Running) -> None:
    op, name = running.op, "try-lifted"
    await running.add_source(name)
    pool = await op.pool()
    request = await paste_request(op, name, body=b'{"email": "q@example.com", "visits": 1}', headers=list(WORD.items()))
    pool._health.quarantine((await load_unpublished(op, name, OPEN_SCRIPT)).script, "tried to leave")
    assert (await try_script(op, name, request))["status"] == "queued"


async def test_a_plugins_fixture_is_signed_with_the_sources_own_secret(running: Running) -> None:
    op, name = running.op, "try-plugin"
    await sources.add_source(op, name, plugin="shopify", secrets={"signing_secret": "a-secret-of-this-shop"})
    listed = await fixtures.list_fixtures(op, name)
    assert {row["kind"] for row in listed} == {"plugin"}
    request = await find_request(op, name, "plugin:orders_create")
    tried = await try_script(op, name, request)
    expected = load_plugin("shopify").find_fixture("orders_create").expected
    assert (tried["status"], tried["actions"]) == ("queued", expected)
    await secrets.set_secret(op, name, "signing_secret", "another-secret-by-now")
    assert (await try_script(op, name, request))["status"] == "rejected"


async def test_a_fixture_is_kept_renamed_tried_and_removed(running: Running) -> None:
    op, name = running.op, "fixture-life"
    await running.add_source(name)
    event_id = await post_settled(running, name, email="fixture@example.com", visits=1)
    await fixtures.add_fixture(op, name, "first", await find_request(op, name, f"event:{event_id}"))
    with pytest.raises(Conflict):
        await fixtures.add_fixture(op, name, "first", await paste_request(op, name, body=b""))
    with pytest.raises(OperatorError):
        await fixtures.add_fixture(op, name, " \n", await paste_request(op, name, body=b""))
    await fixtures.rename_fixture(op, name, "first", "a visit")
    listed = await fixtures.list_fixtures(op, name)
    assert [(row["name"], row["origin"]) for row in listed] == [("a visit", f"event:{event_id}")]
    tried = await try_script(op, name, await find_request(op, name, "fixture:a visit"))
    assert tried["actions"][0]["attributes"] == {"visits": 1}
    await fixtures.remove_fixture(op, name, "a visit")
    with pytest.raises(NotFound):
        await find_request(op, name, "fixture:a visit")


async def test_headers_are_read_as_people_paste_them(running: Running) -> None:
    assert read_headers("Content-Type: text/plain\n\nX-Many: a: b\n") == [
        ("content-type", "text/plain"),
        ("x-many", "a: b"),
    ]
    with pytest.raises(OperatorError, match="line 2"):
        read_headers("a: b\nno header")


async def test_a_source_captures_for_so_many_requests_and_then_goes_on(running: Running) -> None:
    op, name = running.op, "capture-some"
    await running.add_source(name)
    state = await capturing.capture(op, name, hours=1, requests=2)
    assert state["is_on"] is True
    body = b'{"email": "capture@example.com", "visits": 7}'
    answers = [await running.http.post(f"/in/{name}", content=body, headers=WORD) for _ in range(3)]
    assert [answer.json()["status"] for answer in answers] == ["captured", "captured", "queued"]
    assert [answer.status_code for answer in answers] == [200, 200, 202]
    state = await capturing.capture_state(op, name)
    assert (state["is_on"], state["captured"]) == (False, 2)
    assert (await sources.show_source(op, name))["events"].keys() <= {"applied"}


async def test_a_sample_is_let_in_later_under_the_id_that_its_sender_was_given(running: Running) -> None:
    op, name = running.op, "capture-later"
    await running.add_source(name)
    await capturing.capture(op, name)
    body = b'{"email": "later@example.com", "visits": 9}'
    genuine = (await running.http.post(f"/in/{name}", content=body, headers=WORD)).json()["id"]
    forged = (await running.http.post(f"/in/{name}", content=body, headers={"x-word": "wrong"})).json()["id"]
    await capturing.stop_capture(op, name)
    with pytest.raises(Conflict, match="not let in"):
        await capturing.process_sample(op, name, forged)
    assert await capturing.process_sample(op, name, genuine) == {"id": genuine, "status": "queued"}
    assert (await running.event(genuine, "applied"))["root"] == genuine
    with pytest.raises(NotFound):
        await capturing.process_sample(op, name, genuine)


async def test_comparing_says_what_a_text_would_change_for_the_last_real_requests(running: Running) -> None:
    op, name = running.op, "compare-all"
    await running.add_source(name, BRITTLE)
    for number in range(3):
        await post_settled(running, name, email=f"c{number}@example.com", visits=number)
    failed = await post_settled(running, name, email="c9@example.com")
    ignored = await post_settled(running, name, nothing=True)
    text = MENDED.replace(
        "request.json\n",
        'request.json\n    if person.get("email") == "c1@example.com":\n        raise ValueError("no")\n',
    )
    text = text.replace('attributes={"visits"', 'attributes={"is_seen": person["email"] == "c2@example.com", "visits"')
    found = {result["event_id"]: result async for result in comparing.compare(op, name, text, count=25)}
    kinds = [result["kind"] for result in found.values()]
    assert kinds == ["same", "newly_passing", "changed", "newly_failing", "changed"]
    assert list(found)[:2] == [ignored, failed]
    changes = list(found.values())[2]["changes"]
    assert changes == [
        {
            "action": "upsertContact",
            "contact": "email: c2@example.com",
            "pointer": "/attributes/is_seen",
            "kind": "added",
            "after": True,
        }
    ]
    assert list(found.values())[3]["draft"]["reason"] == "ValueError: no"


async def test_a_comparison_runs_beside_is_watched_and_can_be_cancelled(running: Running) -> None:
    op, name = running.op, "compare-beside"
    await running.add_source(name, BRITTLE)
    for number in range(4):
        await post_settled(running, name, email=f"b{number}@example.com", visits=number)
    known = comparing.Comparisons()
    first = known.start(op, name, BRITTLE, count=3)
    while first.state == "running":
        await asyncio.sleep(0.01)
    shown = known.find(first.id).document(after=2)
    assert (shown["state"], shown["total"], shown["done"], len(shown["results"])) == ("done", 3, 3, 1)
    assert shown["counts"] == {"same": 3, "changed": 0, "newly_failing": 0, "newly_passing": 0}
    second = known.start(op, name, MENDED)
    await asyncio.sleep(0)
    known.cancel(second.id)
    await known.close()
    assert second.state == "cancelled"
    with pytest.raises(NotFound):
        known.find("cmp_of_yesterday")
    refused = known.start(op, name, "import os")
    await asyncio.gather(*(task for _, task in known._known.values()), return_exceptions=True)
    assert refused.state == "failed"
    assert "import" in (refused.error or "")


async def test_only_a_few_comparisons_run_at_once(running: Running) -> None:
    await running.add_source("compare-few", BRITTLE)
    known = comparing.Comparisons()
    for _ in range(comparing.RUNNING_MAX):
        known.start(running.op, "compare-few", BRITTLE)
    with pytest.raises(Conflict, match="wait for one"):
        known.start(running.op, "compare-few", BRITTLE)
    await known.close()


async def test_the_docs_of_the_toolbox_name_every_name_with_what_it_takes(running: Running) -> None:
    docs = {one["name"]: one for one in toolbox_docs()}
    assert set(docs) == set(toolbox.__all__)
    assert {one["group"] for one in docs.values()} == set(GROUPS)
    assert all(one["summary"] for one in docs.values())
    assert docs["verify_shopify"]["signature"] == "verify_shopify(request: Request, secret: str | list[str]) -> bool"
    members = {member["name"]: member["kind"] for member in docs["Context"]["members"]}
    assert members == {
        "secrets": "property", "settings": "property", "source": "property", "event_id": "property",
        "log": "method", "respond": "method",
    }  # fmt: skip
    labels = {item["label"] for item in completion_items()}
    assert {"request.json", "context.respond", "upsert_order"} <= labels
