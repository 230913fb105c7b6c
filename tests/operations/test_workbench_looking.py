"""Looking: search, saved filters, timelines."""

from typing import Any

import pytest
from running import Running
from workbench import BRITTLE, MENDED, post, post_settled

from gateway.errors import NotFound, OperatorError
from gateway.operations import filters, keeping, scripts
from gateway.operations.issues import list_issues
from gateway.operations.payloads import VALUES_MAX
from gateway.operations.replay import replay_event
from gateway.operations.searching import NOWHERE, read_filter, search_events, write_filter
from gateway.operations.timeline import load_event_effects, load_identifier_history, load_timeline
from gateway.store.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def found(running: Running, **query: Any) -> list[str]:
    page = await search_events(running.op, read_filter(query))
    assert page["is_complete"]
    return [event["id"] for event in page["events"]]


async def test_events_are_found_by_anything_that_is_known_of_them(running: Running) -> None:
    name = "search-all"
    await running.add_source(name, BRITTLE)
    first = await post_settled(running, name, email="find.me@example.com", visits=1, note="Grüner Tee")
    failed = await post_settled(running, name, email="find.you@example.com", note="plain", lines=[{"sku": 7}])
    replay = await replay_event(running.op, first)
    event = await running.event(replay, "applied")
    assert await found(running, source=name) == [replay, failed, first]
    assert await found(running, source=name, status="failed,waiting") == [failed]
    assert await found(running, source=name, id=first) == [first]
    assert await found(running, id=first[:-1], source=name) == [first]
    assert await found(running, root=first) == [replay, first]
    assert await found(running, contact="email:FIND.ME@example.com") == [replay]
    assert await found(running, issue=(await running.event(failed))["issue"]) == [failed]
    assert await found(running, version=event["version_id"]) == [replay, failed, first]
    assert await found(running, source=name, lane="bulk") == [replay]
    assert await found(running, source=name, text="GRÜNER tee") == []
    assert await found(running, source=name, text="Grüner TEE") == [replay, first]
    assert await found(running, source=name, path="lines.*.sku", value="7") == [failed]
    assert await found(running, source=name, path="**.sku") == [failed]
    assert await found(running, source=name, path="note", value="plai") == []
    assert await found(running, source=name, since="1h") == [replay, failed, first]
    assert await found(running, source=name, until="1h") == []
    assert await found(running, source="somebody-else") == []


async def test_a_unique_key_finds_every_event_of_the_delivery(running: Running) -> None:
    key = {"Idempotency-Key": "unique-1"} | running.admin
    posted = [
        await running.http.post(
            "/api/upsertContact", json={"identifiers": {"email": "unique@example.com"}}, headers=key
        )
        for _ in range(2)
    ]
    ids = [answer.json()["id"] for answer in posted]
    for event_id in ids:
        await running.event(event_id)
    assert sorted(await found(running, unique_key="unique-1")) == sorted(ids)
    assert await found(running, unique_key="unique-2") == []


async def test_pages_follow_each_other_without_a_gap_or_a_double(running: Running) -> None:
    name = "search-pages"
    await running.add_source(name, BRITTLE)
    posted = [await post_settled(running, name, email="p@example.com", visits=number) for number in range(7)]
    for chosen in (EventFilter(sources=(name,)), EventFilter(sources=(name,), text="p@example.com")):
        seen, before = [], ""
        while True:
            page = await search_events(running.op, chosen, before=before, limit=3)
            seen += [event["id"] for event in page["events"]]
            if page["next"] is None:
                break
            before = page["next"]
        assert seen == posted[::-1]


async def test_a_search_that_runs_out_of_time_says_how_far_it_got_and_goes_on_from_there(running: Running) -> None:
    name = "search-late"
    await running.add_source(name, BRITTLE)
    posted = [await post_settled(running, name, email="l@example.com", visits=number) for number in range(5)]
    chosen = EventFilter(sources=(name,), path="visits", value="3")
    page = await search_events(running.op, chosen, seconds=0)
    assert (page["events"], page["is_complete"], page["scanned"]) == ([], False, 1)
    assert page["next"] == posted[4]
    assert page["reached_at"] is not None
    rest = await search_events(running.op, chosen, before=page["next"])
    assert [event["id"] for event in rest["events"]] == [posted[3]]


async def test_a_body_of_too_many_values_is_said_to_be_unread_to_who_may_see_it_and_to_who_may_not(
    running: Running,
) -> None:
    """Told only where the text is there, it would tell a viewer letter by letter what is masked."""
    name = "search-unread"
    await running.add_source(name, BRITTLE)
    older = await post_settled(running, name, email="u@example.com", visits=1, iban="AT61")
    heavy = await post_settled(running, name, email="u@example.com", visits=1, iban="AT61", many=[0] * VALUES_MAX)
    for chosen in (EventFilter(sources=(name,), text="AT61"), EventFilter(sources=(name,), path="**.iban")):
        page = await search_events(running.op, chosen)
        assert ([event["id"] for event in page["events"]], page["unread"]) == ([older], 1)
        assert page["is_complete"]
    nowhere = EventFilter(sources=(name,), text="AT62")
    assert (await search_events(running.op, nowhere))["unread"] == 1
    raw = await search_events(running.op, EventFilter(sources=(name,), text="AT61"), is_raw=True)
    assert ([event["id"] for event in raw["events"]], raw["unread"]) == ([heavy, older], 0)


async def test_a_path_of_too_many_steps_is_refused() -> None:
    assert read_filter({"path": ".".join(["**"] * 128)}).path
    with pytest.raises(OperatorError, match="at most 128 steps"):
        read_filter({"path": ".".join(["**"] * 129)})


async def test_what_a_source_hides_is_not_found_letter_by_letter(running: Running) -> None:
    name = "search-hidden"
    await running.add_source(name, BRITTLE)
    event_id = await post_settled(running, name, email="h@example.com", visits=1, iban="AT61")
    await keeping.redact_source(running.op, name, paths=["iban"])
    assert await found(running, source=name, text="AT6") == []
    assert await found(running, source=name, path="iban", value="AT61") == []
    assert await found(running, source=name, text="h@example") == [event_id]
    raw = await search_events(running.op, EventFilter(sources=(name,), text="AT6"), is_raw=True)
    assert [event["id"] for event in raw["events"]] == [event_id]


async def test_a_filter_reads_what_it_writes_and_stays_within_reach() -> None:
    query = "source=a,b&status=failed&since=2026-01-01T00:00:00.000000Z&contact=email:a@example.com&bookmarked=1"
    chosen = read_filter(dict(pair.split("=") for pair in query.split("&")))
    assert (chosen.sources, chosen.identifier) == (("a", "b"), ("email", "a@example.com"))
    assert read_filter({}, reach=["b"]).sources == ("b",)
    assert read_filter({"source": "a,b"}, reach=["b"]).sources == ("b",)
    beyond = read_filter({"source": "a"}, reach=["b"])
    assert beyond.sources == (NOWHERE,)
    from urllib.parse import parse_qsl

    for written in (chosen, beyond):
        assert read_filter(dict(parse_qsl(write_filter(written)))) == written
    for bad in ({"since": "soon"}, {"status": "lost"}, {"contact": "nobody"}, {"lane": "fast"}, {"value": "1"}):
        with pytest.raises(OperatorError):
            read_filter(bad)
    with pytest.raises(OperatorError, match="NUL"):
        read_filter({"id": "\0"})


@pytest.mark.parametrize("before", ["soon", "9" * 400 + ".iss_1", "9" * 19 + ".iss_1"])
async def test_a_place_in_the_list_of_issues_that_there_is_not_is_refused(running: Running, before: str) -> None:
    with pytest.raises(OperatorError, match="no place"):
        await list_issues(running.op, before=before)


async def test_a_person_keeps_filters_under_names_of_their_own(running: Running) -> None:
    op = running.op
    await filters.save_filter(op, "failed ones", "?status=failed")
    await filters.save_filter(op, "failed ones", "status=failed&source=a")
    assert [(one["name"], one["query"]) for one in await filters.list_filters(op)] == [
        ("failed ones", "status=failed&source=a")
    ]
    with pytest.raises(OperatorError):
        await filters.save_filter(op, "bad", "status=lost")
    await filters.remove_filter(op, "failed ones")
    with pytest.raises(NotFound):
        await filters.remove_filter(op, "failed ones")


SHOP = """from gateway.toolbox import *


def authenticate(request, context):
    return True


def transform(request, context):
    return request.json["actions"]
"""
PERSON = {"email": "life@example.com"}


def life() -> list[list[dict[str, Any]]]:
    """What happens to one person, in the order of time; each list is one event."""
    contact = {"contact": {"identifiers": PERSON}}
    item = {"productID": "tea", "sku": "t", "name": "Tea", "category": "", "qty": 3}
    return [
        [{"action": "upsertContact", "identifiers": PERSON, "attributes": {"city": "Graz", "vip": False}}],
        [{"action": "addProductsToCart", **contact, "items": [item]}],
        [{"action": "addContactsToList", "contacts": {"identifiers": [PERSON]}, "listName": "news"}],
        [
            {
                "action": "upsertOrder",
                **contact,
                "orderID": "77",
                "purchaseDate": "2026-01-01T00:00:00Z",
                "status": "paid",
                "items": [{"productID": "tea", "sku": "t", "name": "Tea", "qty": 1}],
            }
        ],
        [
            {
                "action": "upsertContact",
                "identifiers": {**PERSON, "customId": "c-life"},
                "attributes": {"city": "Wien", "channels.email.subscribeStatus": "unsubscribed"},
            }
        ],
    ]


async def test_a_timeline_tells_what_changed_from_what_to_what_and_who_did_it(running: Running) -> None:
    name = "timeline"
    await running.add_source(name, SHOP.replace("import *", "import Ignore"))
    ids = [await post_settled(running, name, actions=actions) for actions in life()]
    page = await load_timeline(running.op, "email", "life@example.com")
    assert page["is_folded"] is True
    told = [
        (line["event"]["id"], [(one["what"], one["name"], one["before"], one["after"]) for one in line["changes"]])
        for line in reversed(page["lines"])
    ]
    assert [event_id for event_id, _ in told] == ids
    changes = [one for _, one in told]
    assert ("attribute", "city", None, "Graz") in changes[0]
    assert changes[1] == [("cart", "tea", 0, 3)]
    assert changes[2] == [("list", "news", None, True)]
    assert ("order", "status", None, "paid") in changes[3]
    assert changes[3][-1] == ("cart", "tea", 3, 2)
    assert changes[4] == [
        ("identifier", "customId", None, "c-life"),
        ("attribute", "city", "Graz", "Wien"),
        ("subscription", "email", None, "unsubscribed"),
    ]
    first = await load_timeline(running.op, "email", "life@example.com", limit=2)
    second = await load_timeline(running.op, "customId", "c-life", before=first["next"], limit=3)
    assert [line["event"]["id"] for page in (first, second) for line in page["lines"]] == ids[::-1]
    effects = await load_event_effects(running.op, ids[4])
    assert [len(line["changes"]) for line in effects["lines"]] == [3]
    assert effects["lines"][0]["contact"] == {"customId": "c-life", "email": "life@example.com"}
    history = await load_identifier_history(running.op, "email", "life@example.com")
    assert [(one["key"], one["event_id"]) for one in history] == [("email", ids[0]), ("customId", ids[4])]
    with pytest.raises(NotFound):
        await load_timeline(running.op, "email", "nobody@example.com")


async def test_an_event_that_another_one_stands_for_has_no_effects_any_more(running: Running) -> None:
    name = "timeline-replaced"
    await running.add_source(name, BRITTLE)
    event_id = await post_settled(running, name, email="replaced@example.com", visits=1)
    await scripts.push_script(running.op, name, MENDED, is_published=True)
    await running.event(await replay_event(running.op, event_id), "applied")
    assert await load_event_effects(running.op, event_id) == {
        "lines": [],
        "is_in_force": False,
        "is_folded": True,
        "is_cut": False,
    }
    with pytest.raises(NotFound):
        await load_event_effects(running.op, "evt_of_nobody")


async def test_rejected_requests_are_no_events_and_are_not_found(running: Running) -> None:
    await running.add_source("search-rejected", BRITTLE)
    await running.http.post("/in/search-rejected", content=b"{}", headers={"x-word": "wrong"})
    kept = await post(running, "search-rejected", email="k@example.com", visits=1)
    await running.event(kept)
    assert await found(running, source="search-rejected") == [kept]
