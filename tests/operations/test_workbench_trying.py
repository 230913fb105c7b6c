"""Trying scripts: a text runs on a request that was pasted, kept as a fixture, or captured, and stores nothing."""

import sys

import orjson
import pytest
from running import OPEN_SCRIPT, WORD, Running
from workbench import BRITTLE, post_settled

from gateway.errors import Conflict, NotFound, OperatorError
from gateway.operations import capturing, fixtures, secrets, sources
from gateway.operations.runnable import load_unpublished
from gateway.operations.trial_requests import find_request, paste_request, read_headers
from gateway.operations.trying import try_script
from gateway.plugins import load_plugin
from gateway.sandbox.limits import MIB, Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
