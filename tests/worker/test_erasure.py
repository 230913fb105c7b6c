"""A person who was erased stays so for all that happened before, in whatever order it comes, and can come anew."""

from collections.abc import Iterator

import orjson
import pytest
from desk import (
    BEGIN,
    SECOND,
    Desk,
    activity,
    bought,
    event_id,
    join,
    make_event,
    order,
    put,
    records,
    upsert,
)

from gateway import clock
from gateway.event import Status
from gateway.queue.parcel import Erase, pack_erase, unpack
from gateway.store.audit import list_audit
from gateway.store.pending import list_stragglers
from gateway.store.requests import load_request
from gateway.store.tables import tombstones
from gateway.store.tombstones import find_erased
from gateway.worker.erase import erase_step

Identifier = tuple[str, str]
TABLES = (
    *("events", "requests", "waits", "contacts", "identifiers", "effects", "memberships", "orders"),
    *("supplements", "audit", "tombstones"),
)
ANN = {"email": "ann@example.com", "customId": "c1"}
BOB = {"email": "bob@example.com"}


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def erase(desk: Desk, *identifiers: Identifier, at: int, patch: pytest.MonkeyPatch) -> Erase:
    """Erase as the worker does, every step through the bytes of the queue; gives the last parcel."""
    patch.setattr(clock, "now", lambda: at)
    last = step = Erase("era_1", "test", at, event_id(10**9), identifiers)
    while step is not None:
        last = unpack(pack_erase(step))
        done = erase_step(desk.store, last)
        desk.retake(*(int(one.removeprefix("evt_")) for one in done.retaken))
        step = done.following
    return last


def at(second: int) -> int:
    return BEGIN + second * SECOND


def raw(desk: Desk, number: int) -> tuple[bytes, bytes] | None:
    with desk.store.reading() as connection:
        return load_request(connection, event_id(number))


def everything(desk: Desk) -> str:
    """Give all that the database holds, as text."""
    with desk.store.reading() as connection:
        tables = ("events", "requests", "waits", "contacts", "identifiers", "effects", "memberships", "orders")
        rows = [
            connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in (*tables, "supplements", "audit")
        ]
    return repr(rows)


ABOUT_ANN = (
    upsert(ANN, attributes={"x": 1}),
    order(ANN, "o1", items=[bought("p")]),
    put(ANN, bought("q", 2)),
    activity({"email": ANN["email"]}, canBeCreated=True),
    join("VIP", ANN),
    records({"customId": "c1"}, {"id": "r", "plan": "gold"}),
)


def test_a_person_goes_with_all_that_is_known_and_all_that_came_in(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    body = b'{"email": "Ann@Example.com"}'
    desk.send(
        *(make_event(number, one, body=body, logs="of ann@example.com") for number, one in enumerate(ABOUT_ANN, 1))
    )
    desk.send(make_event(8, upsert(BOB, attributes={"x": 2}), body=b"of bob"))
    assert "ann@example.com" in everything(desk)
    done = erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    assert (done.contacts, done.effects, done.events) == (1, 7, 6), "an activity leaves two"
    left = everything(desk)
    assert "ann@example.com" not in left.lower()
    assert "'c1'" not in left
    assert not desk.has_contact("email", "ann@example.com")
    assert desk.orders("o1") == []
    event = desk.event(1)
    assert (event["status"], event["actions"], event["logs"]) == ("applied", [], "")
    assert event["erased_at"] is not None
    assert "erased" in event["reason"]
    assert desk.contact("email", "bob@example.com")["attributes"] == {"x": 2}
    assert raw(desk, 8) == (b"{}", b"of bob")


def test_who_erased_and_how_much_is_written_down_and_not_whom(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, upsert(ANN)))
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    with desk.store.reading() as connection:
        (row,) = list_audit(connection, operation="contact.erase", subject="era_1")
        assert orjson.loads(row["after"]) == {"contacts": 1, "effects": 1, "events": 1}
        assert row["actor"] == "test"
        stored = repr(connection.execute(tombstones.select()).all())
    assert "ann" not in stored + repr(row)


def test_what_an_event_says_of_others_stays(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, join("VIP", ANN, BOB), upsert(BOB, attributes={"x": 1}), order(ANN, "o1")))
    erase(desk, ("email", "ann@example.com"), at=at(100), patch=patch)
    assert desk.contact("email", "bob@example.com")["lists"] == ["VIP"]
    assert raw(desk, 1) is None
    kept = desk.event(1)["actions"]
    assert [one["action"] for one in kept] == ["addContactsToList", "upsertContact"]
    assert kept[0]["contacts"]["identifiers"] == [BOB]


def test_an_order_that_was_another_ones_before_is_theirs_again(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, put(BOB, bought("p", 3)), order(BOB, "o1", "paid", items=[bought("p")])))
    desk.send(make_event(2, order(ANN, "o1", "sent", items=[bought("p")])))
    assert desk.orders("o1")[0]["contact"]["identifiers"] == ANN
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    (left,) = desk.orders("o1")
    assert (left["contact"]["identifiers"], left["status"]) == (BOB, "paid")
    assert desk.contact("email", "bob@example.com")["orders"][0]["order_id"] == "o1"


def test_an_order_that_the_erased_person_took_out_of_the_cart_leaves_the_other_ones_cart(
    desk: Desk, patch: pytest.MonkeyPatch
) -> None:
    desk.send(make_event(1, put(BOB, bought("p", 3))))
    desk.send(make_event(2, order(ANN, "o1", items=[bought("p")])))
    desk.send(make_event(3, order(BOB, "o1", items=[bought("p")])))
    assert desk.contact("email", "bob@example.com")["cart"][0]["qty"] == 3, "ann's order was the first: it took"
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    assert desk.contact("email", "bob@example.com")["cart"][0]["qty"] == 2


def test_what_comes_late_is_dropped_and_leaves_no_trace(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, upsert(ANN)))
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    late = make_event(2, upsert({"email": "ann@example.com"}, attributes={"x": 9}), body=b"ann@example.com", at=100)
    mixed = make_event(3, join("VIP", ANN, BOB), body=b"ann@example.com", at=99)
    desk.send(late, mixed)
    assert "ann@example.com" not in everything(desk)
    assert [desk.event(number)["status"] for number in (2, 3)] == ["ignored", "applied"]
    assert "erased" in desk.event(2)["reason"]
    assert raw(desk, 2) is None
    assert desk.contact("email", "bob@example.com")["lists"] == ["VIP"]


def test_a_person_can_come_anew_after_the_erasure_and_brings_nothing_back(
    desk: Desk, patch: pytest.MonkeyPatch
) -> None:
    desk.send(make_event(1, upsert(ANN, attributes={"x": 1, "y": 1})))
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    desk.send(make_event(2, upsert({"email": "ann@example.com"}, attributes={"x": 2}), at=101))
    desk.send(make_event(3, upsert({"email": "ann@example.com"}, attributes={"y": 9}), at=50))
    found = desk.contact("email", "ann@example.com")
    assert (found["attributes"], found["all_identifiers"]) == ({"x": 2}, {"email": ["ann@example.com"]})
    said_later_of_before = make_event(
        4, upsert({"email": "ann@example.com"}, attributes={"z": 1}, occurredAt=clock.iso(at(99))), at=102
    )
    desk.send(said_later_of_before)
    assert "z" not in desk.contact("email", "ann@example.com")["attributes"]


def test_a_step_that_is_done_twice_spares_who_has_come_anew(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, upsert(BOB)))
    step = Erase("era_1", "test", at(100), event_id(10**9), (("email", "bob@example.com"),))
    patch.setattr(clock, "now", lambda: at(100))
    erase_step(desk.store, step)
    desk.send(make_event(2, upsert(BOB, attributes={"x": 1}), at=101))
    again = erase_step(desk.store, step)
    assert again.following is not None
    assert (again.following.after, again.following.contacts) == ("", 0)
    assert desk.contact("email", "bob@example.com")["attributes"] == {"x": 1}


def test_a_second_erasure_takes_who_came_anew(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, upsert(BOB)))
    erase(desk, ("email", "bob@example.com"), at=at(100), patch=patch)
    desk.send(make_event(2, upsert(BOB), at=101))
    erase(desk, ("email", "bob@example.com"), at=at(200), patch=patch)
    assert not desk.has_contact("email", "bob@example.com")
    desk.send(make_event(3, upsert(BOB), at=150))
    assert not desk.has_contact("email", "bob@example.com")


def test_what_failed_or_waits_is_searched_too(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    form = b"from=x&email=ann%40example.com"
    failed = make_event(1, status=Status.FAILED, stage="transform", reason="KeyError", body=form)
    waits = make_event(2, activity({"email": "ann@example.com"}))
    other = make_event(3, status=Status.FAILED, stage="transform", reason="KeyError", body=b"joann@example.com c1 c10")
    desk.send(failed, waits, other)
    assert desk.event(2)["status"] == "waiting"
    done = erase(desk, ("customId", "c1"), ("email", "ann@example.com"), at=at(100), patch=patch)
    assert (done.contacts, done.events) == (0, 2)
    assert (raw(desk, 1), desk.event(1)["status"]) == (None, "failed")
    assert (desk.event(2)["status"], desk.event(2)["waits_for"]) == ("ignored", [])
    assert raw(desk, 3) == (b"{}", b"joann@example.com c1 c10"), "another one's address, and an id that is too short"


def test_what_waited_for_more_than_the_erased_person_is_taken_again(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    """Its replay was found by the ledger, and it as the root of that: the search does not meet it any more."""
    friend = {"email": "bob@example.com"}
    desk.send(make_event(1, join("VIP", ANN, isAllowedToCreateLists=False), upsert(friend)))
    desk.send(make_event(2, upsert(ANN), root=1))
    assert (desk.event(1)["status"], desk.has_contact("email", "bob@example.com")) == ("waiting", False)
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    assert (desk.event(1)["status"], desk.has_contact("email", "bob@example.com")) == ("duplicate", True)


def test_the_sweep_takes_up_what_a_step_that_died_has_freed(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    desk.send(make_event(1, join("VIP", ANN, isAllowedToCreateLists=False)), make_event(2, upsert(ANN)))
    patch.setattr(clock, "now", lambda: at(100))
    step = Erase("era_1", "test", at(100), event_id(10**9), tuple(ANN.items()))
    searching = erase_step(desk.store, step).following
    assert searching is not None
    erase_step(desk.store, searching)  # and nobody hears what it gave to be taken again
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == [event_id(1)]
    desk.retake(1)
    assert desk.event(1)["status"] == "ignored"
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == []


def test_a_held_event_is_emptied_and_ends_ignored(desk: Desk, patch: pytest.MonkeyPatch) -> None:
    with desk.store.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO sources (name, state, created_at, changed_at) VALUES ('shop', 'paused', 0, 0)"
        )
    desk.send(make_event(1, upsert(ANN), body=b"ann@example.com"))
    erase(desk, ("customId", "c1"), at=at(100), patch=patch)
    assert "ann@example.com" not in everything(desk)
    with desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE sources SET state = 'live'")
    desk.retake(1)
    assert desk.event(1)["status"] == "ignored"


def test_a_replay_whose_root_was_never_understood_takes_its_request_along(
    desk: Desk, patch: pytest.MonkeyPatch
) -> None:
    """Before it was replayed nobody could read in its body whom it was about."""
    erase(desk, ("email", "ann@example.com"), at=at(100), patch=patch)
    desk.send(make_event(1, status=Status.FAILED, stage="transform", reason="KeyError", body=b"YW5uQGV4YW1wbGUuY29t"))
    desk.send(make_event(2, upsert({"email": "ann@example.com"}), root=1))
    assert raw(desk, 1) is None
    assert "ann@example.com" not in everything(desk)


def test_nothing_is_looked_up_while_nobody_was_erased(desk: Desk) -> None:
    with desk.store.reading() as connection:
        assert find_erased(connection, {("email", "ann@example.com")}) == {}
