"""Deliveries: many events may stand for one thing that was told; one of them counts."""

import pytest
from desk import Desk, activity, bought, make_event, order, put, upsert

from gateway.event import Status

EMAIL = {"email": "a@example.com"}


def said(number: int) -> dict[str, object]:
    return upsert(EMAIL, attributes={"n": number})


def seen(desk: Desk) -> object:
    return desk.contact("email", "a@example.com")["attributes"].get("n")


def test_a_redelivery_is_a_duplicate_and_says_of_which_event(desk: Desk) -> None:
    desk.send(make_event(1, said(1), unique_key="d"), make_event(2, said(2), unique_key="d"))
    assert seen(desk) == 1
    assert (desk.event(2)["status"], desk.event(2)["replaced_by"]) == ("duplicate", desk.event(1)["id"])


def test_the_lowest_id_counts_though_it_comes_last(desk: Desk) -> None:
    desk.send(make_event(2, said(2), unique_key="d"))
    desk.send(make_event(1, said(1), unique_key="d"))
    assert seen(desk) == 1
    assert (desk.event(1)["status"], desk.event(2)["status"]) == ("applied", "duplicate")


def test_a_redelivery_of_a_failed_event_counts(desk: Desk) -> None:
    desk.send(make_event(1, unique_key="d", status=Status.FAILED, stage="transform", reason="broke"))
    desk.send(make_event(2, said(2), unique_key="d"))
    assert seen(desk) == 2
    assert (desk.event(1)["status"], desk.event(2)["status"]) == ("failed", "applied")


@pytest.mark.parametrize("other", [{"source": "till"}, {"key_id": "key_1"}, {"unique_key": None}])
def test_unique_keys_are_compared_within_a_source_and_a_key(desk: Desk, other: dict[str, str]) -> None:
    desk.send(make_event(1, said(1), unique_key="d"), make_event(2, said(2), **{"unique_key": "d"} | other))
    assert seen(desk) == 2


def test_a_replay_takes_the_place_of_its_original_and_keeps_its_time(desk: Desk) -> None:
    desk.send(make_event(1, said(1), put(EMAIL, bought("P"))), make_event(2, said(2)))
    desk.send(make_event(3, said(3), upsert(EMAIL, attributes={"m": 3}), root=1))
    found = desk.contact("email", "a@example.com")
    assert (found["attributes"], found["cart"]) == ({"n": 2, "m": 3}, [])
    assert (desk.event(1)["status"], desk.event(1)["replaced_by"]) == ("duplicate", desk.event(3)["id"])
    assert (desk.event(3)["status"], desk.event(3)["replay_of"]) == ("applied", desk.event(1)["id"])


def test_the_newest_replay_counts_whichever_comes_first(desk: Desk) -> None:
    desk.send(make_event(1, said(1)))
    desk.send(make_event(4, said(4), root=1))
    desk.send(make_event(3, said(3), root=1))
    assert (seen(desk), desk.event(3)["status"]) == (4, "duplicate")


def test_a_replay_in_the_same_batch_as_its_original(desk: Desk) -> None:
    desk.send(make_event(1, said(1), order(EMAIL)), make_event(2, said(2), root=1))
    assert (seen(desk), desk.orders("727")) == (2, [])


def test_a_replay_that_fails_changes_nothing(desk: Desk) -> None:
    desk.send(make_event(1, said(1)))
    desk.send(make_event(2, root=1, status=Status.FAILED, stage="transform", reason="broke"))
    desk.send(make_event(3, {"action": "nonsense"}, root=1))
    assert (seen(desk), desk.event(1)["status"], desk.event(3)["status"]) == (1, "applied", "failed")


def test_a_replay_that_is_ignored_takes_back_what_was_said(desk: Desk) -> None:
    desk.send(make_event(1, said(1), activity(EMAIL)))
    desk.send(make_event(2, root=1, status=Status.IGNORED, reason="an order without a person"))
    found = desk.contact("email", "a@example.com")
    assert (found["attributes"], found["activities"], found["identifiers"]) == ({}, [], {})
    assert (desk.event(2)["status"], desk.event(2)["reason"]) == ("ignored", "an order without a person")


def test_a_replay_of_a_redelivery_counts_for_the_whole_delivery(desk: Desk) -> None:
    desk.send(make_event(1, said(1), unique_key="d"), make_event(2, said(2), unique_key="d"))
    desk.send(make_event(3, said(3), root=2, unique_key="d"))
    assert (seen(desk), desk.event(1)["status"], desk.event(2)["status"]) == (3, "duplicate", "duplicate")


def test_an_answered_handshake_takes_part_in_nothing(desk: Desk) -> None:
    desk.send(make_event(1, unique_key="d", status=Status.ANSWERED), make_event(2, said(2), unique_key="d"))
    assert (seen(desk), desk.event(1)["status"]) == (2, "answered")
