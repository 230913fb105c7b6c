"""The workbench on its pages: drafts, trying, comparing, publishing, and the way back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
import pytest_asyncio
from running import OPEN_SCRIPT, PATIENCE_SECONDS, Running
from staffed import EVIL, last_write, page, post, staff, write
from visitors import BASE, House, Visitor

from console.pages.versions import ROWS_SHOWN
from console.security import derive
from console.texts import count
from gateway import clock
from gateway.operations import drafts
from gateway.operations.diffs import side_by_side
from gateway.operations.scripts import push_script
from gateway.operations.sources import add_source
from gateway.store.audit import write_audit
from gateway.store.drafts import write_draft

pytestmark = pytest.mark.asyncio(loop_scope="session")

LENIENT = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json.get("visits", 0)')
STRICT = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json["calls"]')
SCRIPT = "/sources/scr-ours/script"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "script", "scr-ours", "scr-theirs")


@pytest_asyncio.fixture(loop_scope="session")
async def ours(house: House) -> AsyncIterator[Visitor]:
    """Give the integrator of scr-ours, before a source without a draft."""
    visitor = await house.signed_in("ours")
    yield visitor
    await visitor.post(f"{SCRIPT}/discard")


async def save(visitor: Visitor, text: str, revision: int = 0, **headers: str) -> None:
    answer = await visitor.post(SCRIPT, {"text": text, "revision": revision}, **headers)
    assert answer.status_code == 303, answer.text


async def compared(visitor: Visitor, text: str, revision: int = 0) -> str:
    """Compare a text, and wait; gives the page's address."""
    path = await write(visitor, "/sources/scr-ours/comparisons", text=text, revision=revision, count="25")
    for _ in range(int(PATIENCE_SECONDS * 10)):
        if "data-state" not in (text := await page(visitor, path)) and "every 700ms" not in text:
            return path
        await asyncio.sleep(0.1)
    raise AssertionError("the comparison did not end")


async def test_a_draft_is_saved_and_never_written_over_unseen(house: House, ours: Visitor) -> None:
    other = await house.signed_in("integrator")
    assert "The live version 1" in await page(ours, SCRIPT)
    await save(ours, "# mine\n")
    assert "# mine" in await page(other, SCRIPT)
    assert "Draft of script-ours@example.com" in await page(other, SCRIPT)
    wants = {"accept": "application/json"}
    late = await other.post(SCRIPT, {"text": "# theirs", "revision": 0}, **wants)
    assert late.status_code == 409
    assert "script-ours@example.com" in late.json()["detail"]
    good = await other.post(SCRIPT, {"text": "# theirs", "revision": late.json()["revision"]}, **wants)
    assert good.json()["revision"] == 2
    said = await write(ours, SCRIPT, 422, text="# mine again", revision=1)
    assert "script-integrator@example.com" in said
    assert "# mine again" in said
    assert " data-unsaved>" in said, "what is shown is not what is saved: who leaves is asked"
    assert "data-unsaved" not in await page(ours, SCRIPT)
    assert 'name="revision" value="2"' in said, "who has been told may write over it"
    for nonsense in ("", "abc", "-1", "²", "9" * 30):
        await write(ours, SCRIPT, 422, text="# x", revision=nonsense)
    await write(ours, f"{SCRIPT}/discard")
    assert "# theirs" not in await page(ours, SCRIPT)
    assert "published or discarded meanwhile" in await write(ours, SCRIPT, 422, text="# x", revision=2)


async def test_a_file_is_taken_where_there_is_no_javascript(ours: Visitor) -> None:
    files = {"file": ("script.py", LENIENT.encode(), "text/x-python")}
    fields = {"csrf": derive(ours.token, "csrf"), "text": "# what stood there", "revision": "0"}
    answer = await ours.http.post(SCRIPT, data=fields, files=files, headers={"origin": BASE})
    assert answer.status_code == 303
    assert 'request.json.get("visits", 0)' in await page(ours, SCRIPT)


async def test_a_file_that_is_no_text_is_refused_and_the_place_is_named(running: Running, ours: Visitor) -> None:
    fields = {"csrf": derive(ours.token, "csrf"), "text": "# what stood there", "revision": "0"}
    for data, said in (
        ("# one\n# café".encode("latin-1"), "byte 12 (line 2) is 0xE9, which is not UTF-8"),
        (b"# one\n\x00", "byte 7 (line 2) is a NUL byte"),
        ("# é".encode()[:-1], "byte 3 (line 1) is 0xC3, which is not UTF-8"),
    ):
        files = {"file": ("script.py", data, "text/x-python")}
        answer = await ours.http.post(SCRIPT, data=fields, files=files, headers={"origin": BASE})
        assert answer.status_code == 422
        assert f"the file is no text: {said}" in answer.text
        assert "# what stood there" in answer.text
    assert await drafts.find_draft(running.op, "scr-ours") is None
    files = {"file": ("script.py", "\ufeff# café\r\n".encode(), "text/x-python")}
    assert (await ours.http.post(SCRIPT, data=fields, files=files, headers={"origin": BASE})).status_code == 303
    assert await drafts.load_text(running.op, "scr-ours", "draft") == "# café\n"


async def test_more_than_a_script_may_have_is_refused_however_it_comes(running: Running, ours: Visitor) -> None:
    long_text, limit = "# more\n" * 10_000, "the script has 70000 bytes, the limit is 64 KiB"
    said = await write(ours, SCRIPT, 422, text=long_text, revision=0)
    assert limit in said
    assert said.count("# more\n") >= 10_000, "what was typed is not lost"
    asked = await ours.post(SCRIPT, {"text": long_text, "revision": 0}, accept="application/json")
    assert (asked.status_code, asked.json()["detail"]) == (422, limit)
    for path in (SCRIPT, "/sources/scr-ours/publish/begin", "/sources/scr-ours/comparisons"):
        files = {"file": ("script.py", long_text.encode(), "text/x-python")}
        fields = {"csrf": derive(ours.token, "csrf"), "revision": "0", "count": "25"}
        answer = await ours.http.post(path, data=fields, files=files, headers={"origin": BASE})
        assert answer.status_code == 422
        assert limit in answer.text
    assert (await ours.post(f"{SCRIPT}/problems", {"text": long_text})).json()["problems"][0]["message"] == limit
    assert await drafts.find_draft(running.op, "scr-ours") is None


async def test_a_draft_of_megabytes_can_be_looked_at_and_discarded(
    running: Running, house: House, ours: Visitor
) -> None:
    text = "".join(f"# line {number}, {'as long as few' * 36}\n" for number in range(20_000))
    row = {"source": "scr-ours", "revision": 1, "text": text, "author": "user:old", "base_version_id": None}
    await running.op.write(lambda conn: write_draft(conn, row | {"changed_at": clock.now()}))
    shown = await page(ours, "/sources/scr-ours/publish")
    assert "the limit is 64 KiB" in shown
    assert shown.count('<tr class="side-') == ROWS_SHOWN
    assert f"… and {count(len(side_by_side(OPEN_SCRIPT, text)) - ROWS_SHOWN)} more lines" in shown
    assert "the limit is 64 KiB" in await page(ours, SCRIPT)
    assert await write(ours, f"{SCRIPT}/discard") == SCRIPT
    told = (await last_write(house, "draft.discard"))["before"]
    assert told == {"author": "user:old", "bytes": len(text), "sha256": sha256(text.encode()).hexdigest()}


async def test_the_audit_log_can_be_read_whatever_was_written_to_it(house: House) -> None:
    admin, text = await house.signed_in("admin"), "<wide> " * 200_000
    row = {"actor": "user:old", "operation": "draft.discard", "subject": "scr-long", "at": clock.now()}
    await house.op.write(lambda conn: write_audit(conn, **row, before={"text": text}, after={"note": "x" * 500}))
    shown = (await admin.get("/audit?subject=scr-long")).text
    assert shown.count("&lt;wide&gt;") < 2_000
    assert "characters more" in shown
    assert "show all 500 characters" in shown


async def test_problems_are_told_with_their_places_and_completions_with_their_signatures(ours: Visitor) -> None:
    answer = await ours.post(f"{SCRIPT}/problems", {"text": "import os\nx = (\n"})
    assert next(set(each) for each in answer.json()["problems"]) == {"line", "column", "message"}
    assert (await ours.post(f"{SCRIPT}/problems", {"text": OPEN_SCRIPT})).json()["problems"] == []
    names = [each["label"] for each in (await ours.get("/toolbox.json")).json()]
    assert "upsert_contact" in names
    await save(ours, "import os\n")
    assert "line 1, column 8" in await page(ours, SCRIPT)


async def test_what_is_typed_is_tried_on_a_real_request_and_kept_as_a_fixture(running: Running, ours: Visitor) -> None:
    event_id = await post(running, "scr-ours", email="try@example.com")
    reference = f"event:{event_id}"
    assert f'<option value="{reference}" selected>' in await page(ours, f"{SCRIPT}?try={reference}")
    failed = await write(ours, f"{SCRIPT}/try", 200, text=OPEN_SCRIPT, request=reference)
    assert "KeyError: visits" in failed
    assert "data-line=" in failed, "and its line is a way there"
    good = await ours.post(
        f"{SCRIPT}/try", {"text": LENIENT, "request": reference}, **{"hx-request": "true", "hx-target": "tried"}
    )
    assert good.text.strip().startswith('<div id="tried"')
    assert "attributes.visits" in good.text
    assert ("of 80 MiB memory" in good.text) == (sys.platform == "linux")
    assert "It does not compile" in await write(ours, f"{SCRIPT}/try", 200, text="import os", request=reference)
    where = await write(ours, f"{SCRIPT}/keep", text=LENIENT, request=reference, fixture="a visit")
    assert where == f"{SCRIPT}?try=fixture%3Aa+visit"
    assert "Give the fixture a name" in await write(ours, f"{SCRIPT}/keep", 422, request=reference, fixture=" ")
    assert "attributes.visits" in await write(ours, f"{SCRIPT}/try", 200, text=LENIENT, request="fixture:a visit")


async def test_a_request_is_pasted_and_what_is_in_it_is_never_taken_for_markup(ours: Visitor) -> None:
    fields = {"request": "pasted", "headers": "content-type: application/json", "is_vouched": "yes"}
    loud = LENIENT.replace("    yield", "    context.log(request.text)\n    yield")
    body = '{"email": "x@example.com", "visits": "\\"><script>alert(1)</script>"}'
    shown = await ours.post(f"{SCRIPT}/try", {"text": loud, "body": body, **fields})
    assert shown.text.count("alert(1)") >= 3, "in the action, in the JSON, in the log"
    assert "<script>alert" not in shown.text
    wrong = await write(ours, f"{SCRIPT}/try", 200, text=LENIENT, body="{", **fields | {"headers": "no colon"})
    assert "line 1 of the headers" in wrong
    for reference in ("nonsense", "event:evt_nothing", "sample:x", EVIL):
        said = await ours.post(f"{SCRIPT}/try", {"text": LENIENT, "request": reference})
        assert 'role="alert"' in said.text.partition('id="tried"')[2]
        assert "<script>alert" not in said.text


async def test_a_handshake_by_get_is_pasted_with_its_query_and_kept_as_a_fixture(ours: Visitor) -> None:
    shakes = LENIENT.replace("import upsert", "import Answer, upsert").replace(
        "    return request.headers",
        '    if request.method == "GET":\n'
        '        raise Answer(request.path + request.query.get("hub.challenge", "none"))\n'
        "    return request.headers",
    )
    asked = {"method": "GET", "address": "/hooks?hub.mode=subscribe&hub.challenge=1158%20201"}
    shown = await write(ours, f"{SCRIPT}/try", 200, text=shakes, request="pasted", **asked)
    assert "/hooks1158 201" in shown
    assert 'value="/hooks?hub.mode=subscribe' in shown, "what was typed stays"
    for wrong in ("hooks", "/a b", "/#part", "?é=1"):
        said = await write(ours, f"{SCRIPT}/try", 200, text=shakes, request="pasted", address=wrong)
        assert "what follows the source's URL" in said or "as %XX" in said
    assert "one of POST, GET" in await write(ours, f"{SCRIPT}/try", 200, text=shakes, method="SMASH")
    await write(ours, "/sources/scr-ours/fixtures", name="a handshake", **asked)
    assert "/hooks1158 201" in await write(ours, f"{SCRIPT}/try", 200, text=shakes, request="fixture:a handshake")
    said = await write(ours, "/sources/scr-ours/fixtures", 422, name="another", address="hooks")
    assert "what follows the source's URL" in said


async def test_nobody_reads_another_sources_request_by_trying_a_script_on_it(running: Running, ours: Visitor) -> None:
    theirs = await post(running, "scr-theirs", email="hidden@example.com", visits=1)
    loud = LENIENT.replace("    yield", "    context.log(request.text)\n    yield")
    fields = {"text": loud, "request": f"event:{theirs}", "is_vouched": "yes"}
    assert "hidden@example.com" not in await write(ours, f"{SCRIPT}/try", 200, **fields)
    assert "another's" in await write(ours, f"{SCRIPT}/keep", 422, fixture="stolen", **fields)


async def test_a_comparison_says_what_would_change_and_guards_the_publishing(
    running: Running, house: House, ours: Visitor
) -> None:
    event_id = await post(running, "scr-ours", email="compare@example.com", visits=4)
    path = await compared(ours, STRICT)
    text = await page(ours, path)
    assert event_id in text
    assert "newly failing" in text
    assert event_id not in await page(ours, f"{path}?kind=newly_passing")
    comparison_id = path.rpartition("/")[2]
    review = f"/sources/scr-ours/publish?comparison={comparison_id}"
    assert "requests would newly fail" in await page(ours, review)
    fields = {"comparison": comparison_id, "revision": 1, "note": EVIL}
    assert "Tick this" in await write(ours, "/sources/scr-ours/publish", 422, **fields)
    stranger = await house.signed_in("integrator")
    assert (await stranger.get(path.replace("scr-ours", "scr-theirs"))).status_code == 404
    assert (await stranger.post(path.replace("scr-ours", "scr-theirs") + "/cancel")).status_code == 404
    await write(ours, "/sources/scr-ours/publish", is_sure="yes", **fields)
    shown = await ours.get("/sources/scr-ours/versions")
    assert "alert(1)" in shown.text
    assert EVIL not in shown.text
    assert (await last_write(house, "script.publish"))["subject"] == "scr-ours"
    await write(ours, "/sources/scr-ours/versions/1/publish")


async def test_a_comparison_says_nothing_of_a_text_it_has_not_seen(running: Running, ours: Visitor) -> None:
    await post(running, "scr-ours", email="harmless@example.com", visits=1)
    harmless = (await compared(ours, OPEN_SCRIPT + "# harmless\n")).rpartition("/")[2]
    review = f"/sources/scr-ours/publish?comparison={harmless}"
    assert "nothing newly fails" in await page(ours, review)
    await save(ours, STRICT, 1)
    shown = await page(ours, review)
    assert "The draft has changed since this comparison. Not compared with real requests yet" in shown
    assert "nothing newly fails" not in shown
    failing = (await compared(ours, STRICT, 2)).rpartition("/")[2]
    assert "would newly fail" in await page(ours, f"/sources/scr-ours/publish?comparison={failing}")
    await push_script(running.op, "scr-ours", LENIENT, is_published=True)
    shown = await page(ours, f"/sources/scr-ours/publish?comparison={failing}")
    assert "Another version has gone live since this comparison." in shown
    assert "would newly fail" not in shown
    shown = await page(ours, "/sources/scr-ours/publish?comparison=cmp_of_old")
    assert "This comparison is not known any more" in shown
    await write(ours, "/sources/scr-ours/versions/1/publish")


async def test_a_comparison_is_cancelled_and_nothing_differs_from_itself(running: Running, ours: Visitor) -> None:
    path = await compared(ours, OPEN_SCRIPT)
    assert "Nothing would change" in await page(ours, path)
    await write(ours, f"{path}/cancel")
    assert (await ours.get(f"{path}-of-old")).status_code == 404
    assert "one of 25, 100, 500" in await write(ours, "/sources/scr-ours/comparisons", 422, text="x", count="7")


async def test_publishing_shows_the_difference_and_refuses_what_does_not_compile(ours: Visitor) -> None:
    publish = "/sources/scr-ours/publish"
    assert "Nothing to publish" in await page(ours, publish)
    assert await write(ours, f"{publish}/begin", text="import os\n", revision=0) == publish
    text = await page(ours, publish)
    assert "It does not compile" in text
    await write(ours, publish, 422, revision=1, note="no")
    await save(ours, LENIENT, 1)
    text = await page(ours, publish)
    assert "side-changed" in text or "side-added" in text
    assert "Not compared with real requests yet" in text
    await write(ours, publish, revision=2, note="lenient now")
    assert "Nothing to publish" in await page(ours, publish)
    assert "lenient now" in await page(ours, "/sources/scr-ours/versions")
    assert (await ours.post(publish, {"revision": 2})).status_code in (404, 409, 422), "there is no draft any more"


async def test_every_version_can_be_read_compared_edited_and_made_live(house: House, ours: Visitor) -> None:
    base = "/sources/scr-ours/versions"
    viewer = await house.signed_in("viewer")
    assert "Says yes to everybody" in await page(viewer, f"{base}/1")
    assert "Make live" not in await page(viewer, base)
    assert (await viewer.get(f"{base}/99")).status_code == 404
    assert "There is no difference" in await page(viewer, f"{base}/diff?before=1&after=1")
    assert (await viewer.get(f"{base}/diff?before=nonsense")).status_code == 404
    await write(ours, f"{base}/1/edit")
    assert "Draft of" in await page(ours, SCRIPT)
    await write(ours, f"{base}/1/publish")
    assert "Version 1 is live" in await page(ours, base)
    assert (await ours.post("/sources/scr-theirs/versions/1/publish")).status_code == 403


async def test_a_source_without_a_script_begins_with_one_that_compiles(house: House) -> None:
    await add_source(house.op, "scr-empty")
    integrator = await house.signed_in("integrator")
    text = await page(integrator, "/sources/scr-empty/script")
    assert "def authenticate(request, context)" in text
    assert "nothing is live yet" in text
    assert '<li><a href="#line-' not in text, "it has no problems"
    assert "There is no live version to compare with" in text
    assert "No versions yet" in await page(integrator, "/sources/scr-empty/versions")
