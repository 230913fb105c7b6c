"""Events on their pages: found, shown, masked, taken again; what somebody may not see is not there."""

import csv
import io
from collections.abc import AsyncIterator
from functools import partial
from html import unescape
from typing import Any

import orjson
import pytest
import pytest_asyncio
from running import WORD, Running
from visitors import ROLES, House, Visitor

from console.app import build_console
from console.pages import events as page_of_events
from gateway.operations.audit import list_audit
from gateway.operations.downloading import defused
from gateway.operations.events import load_event
from gateway.operations.payloads import VALUES_MAX
from gateway.operations.searching import search_events
from gateway.queue.keys import PENDING
from gateway.queue.pending import pending_note
from gateway.store.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = '"><script>alert(1)</script>'
LOUD = '''"""Says what it was given."""

from gateway.toolbox import upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    context.log(request.text)
    person = request.json
    if "wrong" in person:
        raise ValueError(person["wrong"])
    yield upsert_contact(identifiers={"email": person["email"]}, attributes={"word": person.get("word", "none")})
'''


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def manned(running: Running) -> AsyncIterator[House]:
    """Give the console of the running product, with people, and two sources that have something to show."""
    house = House(build_console(running.op, running.settings), running.op, running.settings, {})
    for role in ROLES:
        house.people[role] = await house.add(f"events-{role}@example.com", role)
    for name in ("shop-ours", "shop-theirs"):
        await running.add_source(name, LOUD)
    house.people["ours"] = await house.add("ours@example.com", "integrator", "shop-ours")
    yield house


async def post(running: Running, source: str, **document: Any) -> str:
    headers = {**WORD, "x-api-token": "tok_very-secret", "x-shop": EVIL}
    answer = await running.http.post(f"/in/{source}?q=1", content=orjson.dumps(document), headers=headers)
    event_id = str(answer.json()["id"])
    await running.event(event_id)
    return event_id


async def page(visitor: Visitor, path: str, status: int = 200) -> str:
    answer = await visitor.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return unescape(answer.text)


async def test_a_list_shows_what_its_address_asks_for(running: Running, manned: House) -> None:
    good = await post(running, "shop-ours", email="list@example.com", word="teapot")
    bad = await post(running, "shop-ours", email="list@example.com", wrong="no")
    visitor = await manned.signed_in("viewer")
    for query, is_good, is_bad in (
        ("source=shop-ours", True, True),
        ("source=shop-ours&status=failed", False, True),
        ("source=shop-ours&status=failed&status=applied", True, True),
        ("contact=email:list@example.com", True, False),
        ("text=teapot", True, False),
        ("path=word&value=teapot", True, False),
        (f"id={bad}", False, True),
        ("source=shop-ours&since=7d&until=1h", False, False),
        ("source=shop-theirs", False, False),
    ):
        text = await page(visitor, f"/events?{query}")
        assert (f'id="{good}"' in text, f'id="{bad}"' in text) == (is_good, is_bad), query


async def test_what_cannot_be_searched_is_said_and_stays_in_its_field(manned: House) -> None:
    text = await page(await manned.signed_in("viewer"), "/events?since=yesterday&contact=ann", 400)
    assert '"yesterday" is no time' in text
    assert 'value="yesterday"' in text
    assert 'value="ann"' in text
    for edge in ("0001-01-01T00:00%2B14:00", "9999-12-31T23:59-14:00"):
        assert "is no time" in await page(await manned.signed_in("viewer"), f"/events?until={edge}", 400)
    zoned = await page(await manned.signed_in("viewer"), "/events?since=2026-01-31T12:00&zone=Europe/Vienna")
    assert '<label for="f-since">Since <span class="faint zone">Europe/Vienna</span></label>' in zoned
    assert 'name="zone" value="Europe/Vienna"' in zoned
    assert "data-own-zone>UTC<" in await page(await manned.signed_in("viewer"), "/events")
    text = await page(await manned.signed_in("viewer"), "/events?path=$..sku", 400)
    assert '"$..sku" is no path: names with dots between them' in text


async def test_older_events_are_a_page_away_and_the_first_page_is_live(running: Running, manned: House) -> None:
    for number in range(52):
        answer = await running.http.post(
            "/in/shop-ours", content=orjson.dumps({"email": f"old{number}@example.com", "word": "older"}), headers=WORD
        )
        last = answer.json()["id"]
    await running.event(last)
    visitor = await manned.signed_in("viewer")
    first = await page(visitor, "/events?source=shop-ours")
    assert first.count("<tr id=") == 50
    assert "data-tail" in first
    assert "data-tail hx-get" not in await page(visitor, "/events?source=shop-ours&live=off")
    assert "data-tail hx-get" not in await page(visitor, "/events?text=older"), (
        "two seconds of payloads, every two seconds"
    )
    older = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = await page(visitor, older)
    assert second.count("<tr id=") >= 2
    assert "data-tail hx-get" not in second
    ids = [text.partition('"')[0] for text in (first + second).split('<tr id="')[1:]]
    assert ids == sorted(set(ids), reverse=True), "none twice, none out of order"


async def test_a_long_look_through_payloads_says_how_far_it_got_and_goes_on(
    running: Running, manned: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = await post(running, "shop-ours", email="far@example.com", word="needle")
    await post(running, "shop-ours", email="last@example.com")
    monkeypatch.setattr(page_of_events, "search_events", partial(search_events, seconds=0))
    visitor = await manned.signed_in("viewer")
    text = await page(visitor, "/events?source=shop-ours&text=needle")
    assert wanted not in text
    assert "Looking through payloads" in text
    assert 'hx-trigger="load"' in text
    further = text.partition('id="further_rows"')[2].partition('hx-get="')[2].partition('"')[0]
    answer = await visitor.get(further, **{"hx-request": "true", "hx-target": "further_rows"})
    assert f'<tr id="{wanted}"' in answer.text
    assert "<main" not in answer.text, "rows alone, to be put where the sentence stood"
    assert wanted in await page(visitor, text.partition('…</span> <a href="')[2].partition('"')[0]), "also by hand"


async def test_what_is_too_large_to_be_looked_through_is_said_beside_what_is_found(
    running: Running, manned: House
) -> None:
    await post(running, "shop-ours", email="heavy@example.com", many=[0] * VALUES_MAX)
    visitor = await manned.signed_in("viewer")
    for word in ("heavy@", "nowhere-at-all"):
        assert "Not looked through: 1 of more values" in await page(visitor, f"/events?source=shop-ours&text={word}")


async def test_a_search_is_kept_under_a_name_and_for_its_person_alone(manned: House) -> None:
    visitor = await manned.signed_in("viewer")
    refused = await visitor.post("/events/filters?status=failed", {"name": " "})
    assert refused.status_code == 422
    assert "Give the search a name" in refused.text
    kept = await visitor.post("/events/filters?status=failed&since=24h", {"name": EVIL})
    assert kept.headers["location"] == "/events?status=failed&since=24h"
    text = (await visitor.get("/events")).text
    assert 'href="/events?status=failed&amp;since=24h"' in text
    assert EVIL not in text
    assert "since=24h" not in await page(await manned.signed_in("admin"), "/events")
    await visitor.post("/events/filters/remove", {"name": EVIL})
    assert "since=24h" not in await page(visitor, "/events")


async def test_an_event_tells_its_life_and_nothing_in_it_is_obeyed(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="event-life@example.com", word=EVIL)
    text = (await (await manned.signed_in("viewer")).get(f"/events/{event_id}")).text
    assert EVIL not in text
    assert text.count("<script") == 1
    for told in ("Received", "Genuine", "1 valid action", "Attempt 1", "Applied", "upsertContact", "attribute word"):
        assert told in text, told
    assert 'href="/contacts/email:event-life%40example.com"' in text


async def test_credentials_are_masked_until_who_may_asks_for_them(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="mask@example.com", password="hunter2-hunter2")
    viewer, integrator = await manned.signed_in("viewer"), await manned.signed_in("integrator")
    for visitor in (viewer, integrator):
        text = await page(visitor, f"/events/{event_id}")
        request = text.partition('id="request"')[2].partition('id="actions"')[0]
        assert "hunter2" not in request
        assert "tok_very-secret" not in request
    assert f"/events/{event_id}/raw" not in await page(viewer, f"/events/{event_id}")
    for path in ("raw", "body", "edit"):
        assert (await viewer.get(f"/events/{event_id}/{path}")).status_code == 403
    text = await page(integrator, f"/events/{event_id}/raw")
    assert "hunter2" in text
    assert "tok_very-secret" in text
    body = await integrator.get(f"/events/{event_id}/body")
    assert orjson.loads(body.content)["password"] == "hunter2-hunter2"
    assert body.headers["content-disposition"].startswith("attachment")
    command = await page(viewer, f"/events/{event_id}/curl")
    assert "curl -g -X POST" in command
    assert "hunter2" not in command
    assert "tok_very-secret" not in command
    assert event_id not in await page(viewer, "/events?path=password&value=hunter2-hunter2"), "nor guessed by searching"
    assert event_id in await page(integrator, "/events?path=password&value=hunter2-hunter2")


async def test_events_of_a_source_that_is_not_theirs_are_not_there(running: Running, manned: House) -> None:
    theirs = await post(running, "shop-theirs", email="reach@example.com", wrong="hidden")
    ours = await post(running, "shop-ours", email="reach@example.com", wrong="shown")
    visitor = await manned.signed_in("ours")
    for path in ("", "/raw", "/body", "/edit", "/curl"):
        assert (await visitor.get(f"/events/{theirs}{path}")).status_code == 404, path
    for path in ("bookmark", "replay", "discard", "edit"):
        answer = await visitor.post(f"/events/{theirs}/{path}", {"reason": "mine now", "is_on": "yes"})
        assert answer.status_code == 404, path
    await visitor.post("/events/selected/discard", {"event": [theirs], "reason": "mine now"})
    event = await load_event(running.op, theirs)
    assert (event["status"], event["bookmarked_at"]) == ("failed", None)
    assert f"could not be: there is no event {theirs}" in await page(visitor, "/account"), "said once"
    for path in ("/events", "/events?source=shop-theirs", f"/events?id={theirs}", "/events/download/ndjson"):
        text = await page(visitor, path)
        assert theirs not in text.replace(f"id={theirs}", "").replace(f'value="{theirs}"', ""), path
    assert ours in await page(visitor, "/events/download/ndjson")
    assert "shop-theirs" not in await page(visitor, "/events")
    assert (await visitor.get(f"/search?q={theirs}")).status_code == 200, "not found, hence not led there"


async def test_an_event_is_discarded_with_a_reason_and_not_without(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="away@example.com", wrong="rubbish")
    visitor = await manned.signed_in("integrator")
    refused = await visitor.post(f"/events/{event_id}/discard", {"reason": ""})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    await visitor.post(f"/events/{event_id}/discard", {"reason": "a test of theirs"})
    event = await running.event(event_id, "discarded")
    assert "a test of theirs" in event["reason"]
    again = await visitor.post(f"/events/{event_id}/discard", {"reason": "twice"})
    assert again.status_code == 422


async def test_what_failed_says_where_and_what_to_do(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="hint@example.com", wrong="the moon")
    text = await page(await manned.signed_in("integrator"), f"/events/{event_id}")
    assert "The script failed in transform" in text
    assert "In line 14" in text
    assert 'raise ValueError(person["wrong"])' in text
    assert "ValueError: the moon" in text
    assert "/issues/iss_" in text


async def test_ticked_events_are_taken_again_once_a_request(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="tick@example.com", wrong="tick")
    visitor = await manned.signed_in("integrator")
    answer = await visitor.post(f"/events/{event_id}/replay")
    replay_id = answer.headers["location"].rpartition("/")[2]
    await running.event(replay_id)
    answer = await visitor.post("/events/selected/replay?status=failed", {"event": [event_id, replay_id]})
    assert answer.headers["location"] == "/events?status=failed"
    said = unescape((await visitor.get("/events?status=failed")).text)
    assert "1 queued to be taken again" in said
    nothing = await visitor.post("/events/selected/replay", {})
    assert nothing.status_code == 422
    assert "Tick the events first" in nothing.text


async def test_a_bookmark_is_put_on_found_and_taken_off(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="star@example.com")
    visitor = await manned.signed_in("integrator")
    await visitor.post(f"/events/{event_id}/bookmark", {"is_on": "yes"})
    assert event_id in await page(visitor, "/events?bookmarked=1")
    await visitor.post(f"/events/{event_id}/bookmark", {})
    assert event_id not in await page(visitor, "/events?bookmarked=1")


async def test_an_id_that_is_still_queued_is_a_page_that_looks_again(running: Running, manned: House) -> None:
    event_id, visitor = "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV", await manned.signed_in("ours")
    note = pending_note("queued", "shop-ours")
    await running.op.redis.hset(PENDING, event_id, note)
    try:
        text = await page(visitor, f"/events/{event_id}")
        assert "safe in the queue" in text
        assert 'hx-trigger="every 1s"' in text
        await running.op.redis.hset(PENDING, event_id, pending_note("queued", "shop-theirs"))
        assert (await visitor.get(f"/events/{event_id}")).status_code == 404
    finally:
        await running.op.redis.hdel(PENDING, event_id)
    assert (await visitor.get(f"/events/{event_id}")).status_code == 404


async def test_a_download_is_the_search_and_no_cell_of_it_is_a_formula(running: Running, manned: House) -> None:
    event_id = await post(running, "shop-ours", email="sheet@example.com", wrong="=cmd|' /C calc'!A0")
    await post(running, "shop-ours", email="sheet@example.com")
    visitor = await manned.signed_in("viewer")
    answer = await visitor.get(f"/events/download/csv?id={event_id}")
    assert answer.headers["content-disposition"] == 'attachment; filename="events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == [event_id]
    lines = (await visitor.get("/events/download/ndjson?source=shop-ours")).text.splitlines()
    found = await search_events(running.op, EventFilter(sources=("shop-ours",)), limit=500)
    assert [orjson.loads(line)["id"] for line in lines] == [event["id"] for event in found["events"]]
    told, _ = await list_audit(running.op, operation="event.download")
    assert told[0]["actor"] == f"user:{visitor.email}"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
async def test_a_cell_that_a_spreadsheet_would_reckon_with_is_text(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert defused(f"a{text}") == f"a{text}"
    assert defused(None) == ""
