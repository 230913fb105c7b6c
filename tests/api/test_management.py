"""The management API on the console: what people can do there, for programs with keys."""

import httpx
import pytest
from managing import MENDED, Program, post, program_of
from running import OPEN_SCRIPT, WORD, Running

from gateway.operations.audit import list_audit

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD = "import os\n"


async def test_a_source_lives_its_whole_life_by_api_alone(running: Running, admin: Program) -> None:
    new = await admin.done("POST", "/api/sources", {"name": "by-api"})
    assert new["state"] == "live"
    assert new["url"].endswith("/in/by-api")
    await admin.done("PUT", "/api/sources/by-api/secrets/word", {"value": WORD["x-word"]})
    pushed = await admin.done("POST", "/api/sources/by-api/versions", {"text": OPEN_SCRIPT, "is_published": True})
    assert (pushed["number"], pushed["is_live"]) == (1, True)
    await post(running, "by-api", email="api-life@example.com", visits=1)
    await admin.done("POST", "/api/sources/by-api/pause")
    held = await running.http.post("/in/by-api", json={"email": "api-life@example.com", "visits": 2}, headers=WORD)
    assert (await running.event(held.json()["id"], "held"))["status"] == "held"
    assert (await admin.done("POST", "/api/sources/by-api/resume"))["taken_up"] == 1
    await running.event(held.json()["id"], "applied")
    await admin.done("POST", "/api/sources/by-api/disable")
    assert (await running.http.post("/in/by-api", json={}, headers=WORD)).status_code == 410
    await admin.done("POST", "/api/sources/by-api/enable")
    await admin.done("DELETE", "/api/sources/by-api")
    assert (await running.http.post("/in/by-api", json={}, headers=WORD)).status_code == 404
    assert (await admin.call("GET", "/api/sources/by-api")).status_code == 404
    assert (await admin.call("POST", "/api/sources", {"name": "by-api"})).status_code == 409


async def test_what_is_done_is_written_down_under_the_key(running: Running, admin: Program) -> None:
    await running.add_source("api-audit")
    await admin.done("POST", "/api/sources/api-audit/pause")
    rows, _ = await list_audit(running.op, subject="api-audit", operation="source.pause")
    (key,) = [
        one["id"]
        for one in (await admin.done("GET", "/api/keys?limit=500"))["keys"]
        if rows[0]["actor"] == f"key:{one['id']}"
    ]
    assert key.startswith("key_")


async def test_a_refused_script_names_line_and_column_and_the_live_one_stays(running: Running, admin: Program) -> None:
    await running.add_source("api-refused")
    checked = await admin.done("POST", "/api/sources/api-refused/script/check", {"text": BAD})
    assert checked["problems"][0]["line"] == 1
    refused = await admin.call("POST", "/api/sources/api-refused/versions", {"text": BAD, "is_published": True})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["line"] == 1
    (version,) = (await admin.done("GET", "/api/sources/api-refused/versions"))["versions"]
    assert version["is_live"]


async def test_who_saves_over_a_draft_unseen_hears_of_it(running: Running, admin: Program) -> None:
    await running.add_source("api-draft")
    path = "/api/sources/api-draft/draft"
    assert (await admin.done("GET", path))["revision"] == 0
    saved = await admin.done("PUT", path, {"text": MENDED, "seen_revision": 0})
    late = await admin.call("PUT", path, {"text": "late", "seen_revision": 0})
    assert (late.status_code, late.json()["revision"]) == (409, 1)
    endless = await admin.call("PUT", path, {"text": "#" * 70_000, "seen_revision": 1})
    assert (endless.status_code, endless.json()["detail"]) == (400, "the script has 70000 bytes, the limit is 64 KiB")
    shown = await admin.done("GET", "/api/sources/api-draft/diff")
    assert (shown["added"], shown["removed"]) == (1, 1)
    assert (await admin.call("POST", f"{path}/publish", {"seen_revision": 7})).status_code == 409
    published = await admin.done("POST", f"{path}/publish", {"seen_revision": saved["revision"], "note": "mended"})
    assert published["number"] == 2
    assert (await admin.done("GET", "/api/sources/api-draft/versions/2"))["text"] == MENDED
    assert (await admin.call("DELETE", path)).status_code == 404, "publishing has ended the draft"


async def test_a_roll_back_goes_back_and_once_more_undoes_it(running: Running, admin: Program) -> None:
    await running.add_source("api-back")
    assert (await admin.call("POST", "/api/sources/api-back/rollback")).status_code == 409
    await admin.done("POST", "/api/sources/api-back/versions", {"text": MENDED, "is_published": True})
    await admin.done("POST", "/api/sources/api-back/versions", {"text": MENDED + "\n", "note": "kept, never live"})
    assert (await admin.done("POST", "/api/sources/api-back/rollback"))["number"] == 1
    assert (await admin.done("POST", "/api/sources/api-back/rollback"))["number"] == 2
    assert (await admin.done("POST", "/api/sources/api-back/versions/3/publish"))["number"] == 3
    assert (await admin.done("POST", "/api/sources/api-back/rollback"))["number"] == 2


async def test_a_text_is_tried_on_what_is_given_and_on_what_is_there(running: Running, admin: Program) -> None:
    await running.add_source("api-try")
    path = "/api/sources/api-try/try"
    pasted = {"body": '{"email": "try@example.com"}', "headers": WORD}
    tried = await admin.done("POST", path, {"text": MENDED, "request": pasted})
    assert (tried["status"], tried["actions"][0]["attributes"]) == ("queued", {"visits": 0})
    assert set(tried["timing"]) == {"authenticate_cpu_ms", "transform_cpu_ms", "wall_ms"}
    assert tried["memory"] is None or 0 <= tried["memory"]["peak_bytes"] < tried["memory"]["limit_bytes"]
    assert (await admin.done("POST", path, {"request": pasted}))["status"] == "failed"
    event_id = await post(running, "api-try", email="try@example.com")
    body = {"text": MENDED, "reference": f"event:{event_id}", "is_vouched": True}
    assert (await admin.done("POST", path, body))["status"] == "queued"
    neither = await admin.call("POST", path, {"text": MENDED})
    assert (neither.status_code, neither.json()["errors"][0]["pointer"]) == (422, "/reference")
    compared = await admin.done("POST", "/api/sources/api-try/compare", {"text": MENDED})
    assert compared["counts"] == {"same": 0, "changed": 0, "newly_failing": 0, "newly_passing": 1}


async def test_the_request_of_another_source_cannot_be_tried(running: Running, http: httpx.AsyncClient) -> None:
    """A script prints what it is given: who may write one would read what they must not see."""
    await running.add_source("api-mine")
    await running.add_source("api-theirs")
    theirs = await post(running, "api-theirs", email="theirs@example.com", visits=1)
    mine = await program_of(running, http, "integrator", "api-mine")
    reference = {"reference": f"event:{theirs}"}
    assert (await mine.call("POST", "/api/sources/api-mine/try", reference)).status_code == 404
    kept = await mine.call("POST", "/api/sources/api-mine/fixtures", {"name": "stolen", **reference})
    assert kept.status_code == 404
    assert (await mine.call("GET", f"/api/events/{theirs}/request")).status_code == 404
    assert (await mine.call("POST", f"/api/events/{theirs}/replay")).status_code == 404
    assert (await mine.call("POST", f"/api/events/{theirs}/discard", {"reason": "mine"})).status_code == 404
    assert (await mine.done("GET", "/api/events?source=api-theirs"))["events"] == []
    assert [row["name"] for row in (await mine.done("GET", "/api/sources"))["sources"]] == ["api-mine"]
    assert (await mine.call("GET", "/api/issues?source=api-theirs")).status_code == 403
    assert (await mine.call("GET", "/api/stats?source=api-theirs")).status_code == 403
    assert (await mine.call("GET", "/api/stats")).status_code == 403


async def test_secrets_go_in_and_never_come_out(running: Running, admin: Program) -> None:
    await running.add_source("api-secrets")
    path, marker = "/api/sources/api-secrets/secrets", "marker-of-a-secret"
    await admin.done("PUT", f"{path}/token", {"value": marker})
    assert (await admin.done("POST", f"{path}/token/rotate", {"value": f"{marker}-2"}))["previous_until"]
    assert (await admin.call("POST", f"{path}/nothing/rotate", {"value": "x"})).status_code == 404
    empty = await admin.call("PUT", f"{path}/token", {"value": " "})
    assert empty.status_code == 400
    wrong = await admin.call("PUT", f"{path}/token", {"value": marker, "extra": marker})
    assert (wrong.status_code, wrong.json()["errors"]) == (422, [{"pointer": "/extra", "detail": "no such field"}])
    listed = await admin.call("GET", path)
    assert {one["name"] for one in listed.json()["secrets"]} == {"word", "token"}
    shown = await admin.call("GET", "/api/sources/api-secrets")
    rows, _ = await list_audit(running.op, subject="api-secrets")
    assert not any(marker in text for text in (listed.text, shown.text, wrong.text, str(rows)))
    await admin.done("DELETE", f"{path}/token")
    assert (await admin.call("DELETE", f"{path}/token")).status_code == 404


async def test_settings_limits_and_redaction_are_chosen_a_source(running: Running, admin: Program) -> None:
    await running.add_source("api-tuned")
    path = "/api/sources/api-tuned"
    changed = await admin.done("PATCH", f"{path}/settings", {"title": "Tuned", "unique_by": "header:x-id"})
    assert (changed["title"], changed["unique_by"], changed["occurred_at"]) == ("Tuned", "header:x-id", None)
    assert (await admin.done("PATCH", f"{path}/settings", {"unique_by": None}))["unique_by"] is None
    assert (await admin.call("PATCH", f"{path}/settings", {"occurred_at": "nowhere"})).status_code == 400
    rows = await admin.done("PATCH", f"{path}/limits", {"limits": {"requests_per_minute": 7}})
    assert {row["limit"]: row["value"] for row in rows["limits"]}["requests_per_minute"] == 7
    rows = await admin.done("PATCH", f"{path}/limits", {"limits": {"requests_per_minute": None}})
    assert not any(row["is_own"] for row in rows["limits"])
    assert (await admin.call("PATCH", f"{path}/limits", {"limits": {"speed": 1}})).status_code == 400
    assert await admin.done("PUT", f"{path}/redaction", {"paths": ["email"]}) == {"headers": [], "paths": ["email"]}
    event_id = await post(running, "api-tuned", email="hidden@example.com", visits=1)
    masked = await admin.done("GET", f"/api/events/{event_id}/request")
    assert (masked["is_masked"], "hidden@example.com" in masked["body"]) == (True, False)
    assert "hidden@example.com" in (await admin.done("GET", f"/api/events/{event_id}/request?raw=1"))["body"]
    await admin.done("PUT", f"{path}/retention", {"days": 3})
    assert (await admin.done("GET", path))["retention_days"] == 3
    assert (await admin.call("PUT", f"{path}/retention", {"days": 0})).status_code == 400


async def test_a_viewer_sees_no_raw_request(running: Running, http: httpx.AsyncClient) -> None:
    await running.add_source("api-viewed")
    event_id = await post(running, "api-viewed", email="raw@example.com", visits=1)
    viewer = await program_of(running, http, "viewer")
    assert "x-word" in str(await viewer.done("GET", f"/api/events/{event_id}/request"))
    assert (await viewer.call("GET", f"/api/events/{event_id}/request?raw=1")).status_code == 403


async def test_a_fixture_may_be_called_almost_anything(running: Running, admin: Program) -> None:
    await running.add_source("api-fixtures")
    path = "/api/sources/api-fixtures/fixtures"
    new = {"name": "orders/paid", "request": {"body": "{}", "path": "/x"}, "expected": []}
    assert (await admin.done("POST", path, new))["reference"] == "fixture:orders/paid"
    assert (await admin.call("POST", path, new)).status_code == 409
    await admin.done("PATCH", f"{path}/orders/paid", {"name": "orders/settled"})
    assert [one["name"] for one in (await admin.done("GET", path))["fixtures"]] == ["orders/settled"]
    await admin.done("DELETE", f"{path}/orders/settled")
    assert (await admin.call("DELETE", f"{path}/orders/settled")).status_code == 404
