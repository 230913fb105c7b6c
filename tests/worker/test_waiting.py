"""Waiting: what lacks a contact, a list or the leave to merge is applied by the transaction that brings it."""

import pytest
from desk import Desk, activity, event_id, join, leave, make_event, upsert

from gateway.event import Status
from gateway.store.pending import fail_waiting, list_stragglers
from gateway.worker.apply import batch

A, B = {"email": "a@example.com"}, {"email": "b@example.com"}


def test_an_activity_waits_for_its_contact_and_says_so(desk: Desk) -> None:
    (applied,) = desk.send(make_event(1, activity(A | {"customId": "c1"})))
    assert (applied.status, applied.reason) == (Status.WAITING, "waits for contact customId:c1 or email:a@example.com")
    assert desk.event(1)["waits_for"] == [
        {"kind": "contact", "name": "customId:c1"},
        {"kind": "contact", "name": "email:a@example.com"},
    ]
    applied_now = desk.send(make_event(2, upsert(A)))
    assert [(one.event_id, one.status) for one in applied_now] == [
        (event_id(2), Status.APPLIED),
        (event_id(1), Status.APPLIED),
    ]
    event = desk.event(1)
    assert (event["status"], event["reason"], event["waits_for"], event["attempt_count"]) == ("applied", None, [], 2)
    assert len(desk.contact("customId", "c1")["activities"]) == 1


def test_an_event_that_waits_is_applied_not_at_all(desk: Desk) -> None:
    desk.send(make_event(1, upsert(B), join("VIP", B), activity(A)))
    assert not desk.has_contact("email", "b@example.com")
    desk.send(make_event(2, join("VIP", {"email": "c@example.com"}, isAllowedToCreateLists=False)))
    assert desk.event(2)["status"] == "waiting"


def test_what_an_event_brings_itself_it_need_not_wait_for(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A), activity(A), join("VIP", A), join("VIP", B, isAllowedToCreateLists=False)))
    assert desk.event(1)["status"] == "applied"


def test_an_event_waits_within_a_batch_for_one_with_a_higher_id(desk: Desk) -> None:
    desk.send(make_event(1, activity(A)), make_event(2, upsert(A)))
    assert desk.event(1)["status"] == "applied"


def test_an_addition_that_may_not_make_the_list_waits_for_it(desk: Desk) -> None:
    desk.send(make_event(1, join("VIP", A, isAllowedToCreateLists=False)))
    assert desk.event(1)["reason"] == 'waits for the list "VIP"'
    desk.send(make_event(2, join("VIP", B)))
    assert desk.contact("email", "a@example.com")["lists"] == ["VIP"]


def test_a_removal_never_needs_the_list(desk: Desk) -> None:
    desk.send(make_event(1, leave("VIP", A)))
    assert desk.event(1)["status"] == "applied"


def test_one_event_wakes_the_next(desk: Desk) -> None:
    desk.send(make_event(1, activity(B)), make_event(2, activity(A), upsert(B)))
    desk.send(make_event(3, upsert(A)))
    assert set(desk.statuses().values()) == {"applied"}


def test_an_event_that_still_lacks_something_says_what_now(desk: Desk) -> None:
    desk.send(make_event(1, activity(A), activity(B)))
    desk.send(make_event(2, upsert(A)))
    assert desk.event(1)["reason"] == "waits for contact email:b@example.com"
    desk.send(make_event(3, upsert(B)))
    assert desk.event(1)["status"] == "applied"


def test_what_is_past_the_limit_of_a_transaction_is_told_and_taken_up_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "WOKEN_MAX", 2)
    desk.send(*(make_event(number, activity(A)) for number in range(1, 6)))
    applied = desk.send(make_event(6, upsert(A)))
    woken = [one for outcome in applied for one in outcome.woken]
    assert woken == [event_id(3), event_id(4), event_id(5)]
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == woken
    assert desk.event(5)["status"] == "waiting"
    desk.retake(3, 4, 5)
    assert len(desk.contact("email", "a@example.com")["activities"]) == 5


def test_a_straggler_is_what_waits_for_something_that_is_there(desk: Desk) -> None:
    desk.send(make_event(1, upsert({"customId": "c1"}), upsert(A)))
    desk.send(make_event(2, activity(B)), make_event(3, join("VIP", A, isAllowedToCreateLists=False)))
    desk.send(make_event(4, upsert(A | {"customId": "c1"}, merge=False)))
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == []
    with desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE identifiers SET contact_id = 1")
        connection.exec_driver_sql("INSERT INTO identifiers VALUES ('b@example.com', 'email', 1)")
        connection.exec_driver_sql("INSERT INTO lists VALUES ('VIP', 0)")
        assert list_stragglers(connection) == [event_id(2), event_id(3), event_id(4)]


def test_after_too_long_it_is_given_up_unless_its_delivery_was_told_otherwise(desk: Desk) -> None:
    desk.send(make_event(1, activity(A)), make_event(2, activity(A)), make_event(3, root=2))
    received_at = desk.event(1)["received_us"]
    with desk.store.writing() as connection:
        assert fail_waiting(connection, before=received_at + 1) == 1
        assert fail_waiting(connection, before=2**60) == 1
    given_up = desk.event(1)
    assert (given_up["status"], given_up["stage"], given_up["waits_for"]) == ("failed", "apply", [])
    assert given_up["reason"] == "given up: waits for contact email:a@example.com"
    assert (desk.event(2)["status"], desk.event(2)["replaced_by"]) == ("duplicate", event_id(3))
