"""Writing scripts: drafts, comparing a text with what is live, and what the editor tells of the toolbox."""

import asyncio

import pytest
from running import OPEN_SCRIPT, Running
from workbench import BRITTLE, MENDED, post_settled

from gateway import toolbox
from gateway.errors import Conflict, NotFound, ScriptRefused
from gateway.operations import comparing, diffs, drafts
from gateway.operations.audit import list_audit
from gateway.operations.toolbox_docs import GROUPS, completion_items, toolbox_docs

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
