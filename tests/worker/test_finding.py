"""Finding events, issues and lives asks what an index answers, whatever the database is called and holds."""

from dataclasses import replace
from typing import Any

import pytest
from desk import Desk, event_id, make_event, upsert
from sqlalchemy import update
from test_queries import IS_SCAN, everything, plan, statements

from gateway.event import Status
from gateway.operations.payloads import PayloadTest
from gateway.operations.searching import _search
from gateway.store.bulk import count_results
from gateway.store.counting import count_deliveries_of, count_discardable_of
from gateway.store.history import count_shaping, find_contact_id, list_contact_effects, list_event_effects
from gateway.store.issues import count_issue, file_unfiled, list_issue_versions, list_issues
from gateway.store.marks import set_bookmark
from gateway.store.searching import EventFilter, id_at, list_newest_roots, span_of
from gateway.store.tables import events


def fill(desk: Desk) -> str:
    """Apply some, let some fail; gives the id of their issue."""
    desk.send(*(everything(number) for number in range(1, 8)))
    told = {"status": Status.FAILED, "stage": "transform", "reason": "KeyError: x", "trace": '[{"text": "x"}]'}
    desk.send(*(make_event(number, unique_key=f"k{number % 2}", bulk_id="blk_1", **told) for number in range(8, 14)))
    desk.send(make_event(14, upsert({"email": "a@example.com"}), unique_key="k1", edited_from=event_id(8)))
    with desk.store.writing() as connection:
        set_bookmark(connection, event_id(9), 1)
    return str(desk.event(9)["issue"])


def found(desk: Desk, chosen: EventFilter) -> list[int]:
    with desk.store.reading() as connection:
        page = _search(connection, chosen, "", 50, 2.0, False)
    return [int(event["id"][4:]) for event in page["events"]]


# What there is to find, and by which numbers it is found.
FILTERS = {
    "all": (EventFilter(), [*range(14, 0, -1)]),
    "source": (EventFilter(sources=("shop",)), [*range(14, 0, -1)]),
    "status": (EventFilter(statuses=("failed", "waiting")), [13, 12, 11, 10, 9, 8]),
    "both": (EventFilter(sources=("shop", "till"), statuses=("failed",)), [13, 12, 11, 10, 9, 8]),
    "unique key": (EventFilter(unique_key="k1", sources=("shop",)), [14, 13, 11, 9]),
    "bookmark": (EventFilter(is_bookmarked=True), [9]),
    "bulk": (EventFilter(bulk_id="blk_1"), [13, 12, 11, 10, 9, 8]),
    "edited": (EventFilter(edited_from=event_id(8)), [14]),
    "root": (EventFilter(root=event_id(3)), [3]),
    "id": (EventFilter(id_prefix=event_id(12)), [12]),
    "contact": (EventFilter(identifier=("email", "a@example.com")), [14]),
    "contact and key": (EventFilter(sources=("shop",), identifier=("email", "a@example.com"), unique_key="k0"), []),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_by_an_index_what_it_means(desk: Desk, name: str) -> None:
    fill(desk)
    chosen, expected = FILTERS[name]
    with statements(desk) as seen:
        assert found(desk, chosen) == expected
    # The newest of all are read from the end of the key, which is no scan of anything but the page.
    scans = [step for one in seen for step in plan(desk, *one) if IS_SCAN.search(step) and " key" not in step]
    assert scans == []


def test_issues_counts_and_lives_are_found_by_an_index(desk: Desk) -> None:
    issue_id = fill(desk)
    with statements(desk) as seen, desk.store.reading() as connection:
        assert count_issue(connection, issue_id) == 1, "of two deliveries one is told by an event in force"
        assert [one["count"] for one in list_issue_versions(connection, issue_id)] == [6]
        assert count_results(connection, "blk_1") == {"failed": 6}
        contact_id = find_contact_id(connection, "customId", "c1")
        assert contact_id is not None
        assert count_shaping(connection, contact_id, 3) == 3
        life = list_contact_effects(connection, contact_id, before=None, limit=3)
        rest = list_contact_effects(connection, contact_id, before=life[-1].clock, limit=100)
        assert len(life) == 3
        assert [effect.clock for effect in (*life, *rest)] == sorted(
            (effect.clock for effect in (*life, *rest)), reverse=True
        )
        assert len(list_event_effects(connection, [event_id(1)], 100)) == len(life) + len(rest)
        assert [row["id"] for row in list_newest_roots(connection, "shop", 2)] == [event_id(14), event_id(13)]
        chosen = EventFilter(statuses=("failed",))
        assert count_deliveries_of(connection, chosen) == 1
        assert count_discardable_of(connection, chosen) == 6
    scans = [step for one in seen for step in plan(desk, *one) if IS_SCAN.search(step) and " key" not in step]
    assert scans == []


def test_what_failed_before_there_were_issues_is_filed_later(desk: Desk) -> None:
    issue_id = fill(desk)
    with desk.store.writing() as connection:
        connection.execute(update(events).values(issue=None))
        before = list_issues(connection, limit=10)
        connection.execute(events.update().where(events.c.id == event_id(13)).values(reason="ValueError: y"))
        assert file_unfiled(connection) == 6
        assert file_unfiled(connection) == 0
        after = list_issues(connection, limit=10)
    assert [row["id"] for row in before] == [issue_id]
    assert {row["cause"] for row in after} == {"KeyError: x", "ValueError: y"}
    assert desk.event(9)["issue"] == issue_id


def test_a_span_is_the_ids_of_its_time_and_cursor() -> None:
    at = 1_790_000_000_000_000
    span = span_of(EventFilter(since=at, until=at + 1_000_000), after=event_id(1))
    assert (span.after, span.before) == (id_at(at), id_at(at + 1_000_000))
    assert span_of(replace(EventFilter(), id_prefix="evt_0"), before="evt_00").before == "evt_00"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Tee & mehr", b"q=Tee+%26+mehr"),
        ("Müller", '{"name": "Müller"}'.encode()),
        ("Müller", b'{"name": "M\\u00fcller"}'),
        ('say "hi"', b'{"said": "say \\"hi\\""}'),
        ("ANN@EXAMPLE", b"ann@example.com"),
    ],
)
def test_a_text_is_found_however_a_sender_writes_it(text: str, body: bytes) -> None:
    from gateway.operations.redaction import Rules

    test = PayloadTest(EventFilter(text=text), is_raw=True)
    assert test.passes(b"{}", body, Rules())
    assert not test.passes(b"{}", body[::-1], Rules())


@pytest.mark.parametrize(
    ("path", "value", "is_there"),
    [
        ("a.b", "1", True),
        ("$.a.b", "1", True),
        ("a.b", "2", False),
        ("list.*.sku", "x", True),
        ("list.1.sku", "x", False),
        ("list[0].sku", "x", True),
        ("$.list[0].sku", "x", True),
        ("$['list'][*]['sku']", "y", True),
        ("list[1].sku", "x", False),
        ("**.sku", "y", True),
        ("**", "y", True),
        ("none", "null", True),
        ("flag", "true", True),
        ("nowhere", None, False),
        ("a", None, True),
    ],
)
def test_a_value_is_found_at_its_path(path: str, value: Any, is_there: bool) -> None:
    from gateway.operations.redaction import Rules

    body = b'{"a": {"b": 1}, "list": [{"sku": "x"}, {"sku": "y"}], "none": null, "flag": true}'
    test = PayloadTest(EventFilter(path=path, value=value), is_raw=True)
    assert test.passes(b"{}", body, Rules()) is is_there
    assert not test.passes(b"{}", b"no json", Rules())
