"""The transaction: exactly once, whole or not at all, with the raw request beside it."""

from dataclasses import replace

import pytest
from desk import Desk, activity, event_id, make_event, order, upsert

from gateway.event import Lane, Status
from gateway.store.pending import list_held, list_stragglers
from gateway.store.requests import load_request
from gateway.store.tables import sources
from gateway.worker.apply import Applied, project

A = {"email": "a@example.com"}


def set_state(desk: Desk, state: str) -> None:
    with desk.store.writing() as connection:
        connection.execute(sources.delete())
        connection.execute(sources.insert().values(name="shop", state=state, created_at=0, changed_at=0))


def test_an_event_is_applied_exactly_once(desk: Desk) -> None:
    event = make_event(1, upsert(A), order(A))
    assert desk.send(event, event) == [Applied(event_id(1), Status.APPLIED)]
    assert desk.send(event) == [Applied(event_id(1), Status.APPLIED)]
    assert desk.event(1)["attempt_count"] == 1


def test_what_cannot_be_is_marked_and_stops_nobody(desk: Desk) -> None:
    broken = replace(make_event(2), actions=b"not JSON")
    applied = desk.send(make_event(1, upsert(A)), broken, make_event(3, upsert(A, attributes={"n": 3})))
    assert [one.status for one in applied] == [Status.APPLIED, Status.FAILED, Status.APPLIED]
    assert (desk.event(2)["stage"], desk.event(2)["actions"]) == ("validate", "not JSON")
    assert desk.contact("email", "a@example.com")["attributes"] == {"n": 3}


def test_an_error_on_the_way_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(project, "save_contacts", break_off)
    with pytest.raises(RuntimeError):
        desk.send(make_event(1, upsert(A)))
    monkeypatch.undo()
    assert desk.statuses() == {}
    desk.send(make_event(1, upsert(A)))
    assert desk.event(1)["status"] == "applied"


def test_the_raw_request_is_kept_with_the_root_and_a_replay_reads_it(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A), head=b'{"method": "POST"}', body=b"\x00\xff raw"), lane=Lane.LIVE)
    desk.send(make_event(2, root=1, body=b"not kept again"), lane=Lane.BULK)
    with desk.store.reading() as connection:
        assert load_request(connection, event_id(2)) == (b'{"method": "POST"}', b"\x00\xff raw")
        assert load_request(connection, event_id(9)) is None
    assert (desk.event(1)["lane"], desk.event(2)["lane"]) == ("live", "bulk")


def test_an_event_that_the_gateway_has_settled_is_stored_as_it_is(desk: Desk) -> None:
    fields = {"stage": "transform", "reason": "KeyError: 'id'", "trace": '[{"line": 3, "text": "x"}]', "logs": "a\0b"}
    desk.send(make_event(1, status=Status.FAILED, version_id="ver_1", **fields))
    event = desk.event(1)
    assert [event[name] for name in ("status", "stage", "reason")] == ["failed", "transform", "KeyError: 'id'"]
    assert (event["trace"], event["logs"], event["version_id"]) == (
        [{"line": 3, "text": "x"}],
        "a\N{REPLACEMENT CHARACTER}b",
        "ver_1",
    )
    assert (event["applied_at"], event["is_in_force"]) == (None, False)


def test_what_no_database_can_write_is_replaced_and_still_told_apart(desk: Desk) -> None:
    desk.send(make_event(1, unique_key="d\0"), make_event(2, unique_key="d\0"), make_event(3, unique_key="d"))
    desk.send(make_event(4, status=Status.FAILED, stage="transform", reason="lone \ud800 surrogate"))
    assert [desk.event(number)["status"] for number in (1, 2, 3)] == ["ignored", "duplicate", "ignored"]
    assert desk.event(4)["reason"] == "lone ? surrogate"


def test_events_of_a_paused_source_are_held_until_it_runs_again(desk: Desk) -> None:
    set_state(desk, "paused")
    applied = desk.send(make_event(1, upsert(A, attributes={"n": 1})), make_event(2, upsert(A, attributes={"m": 2})))
    desk.send(make_event(3, upsert(A), source="till"), make_event(4, status=Status.FAILED, stage="transform"))
    assert [one.status for one in applied] == [Status.HELD, Status.HELD]
    assert (desk.event(3)["status"], desk.event(4)["status"]) == ("applied", "failed")
    assert [one.status for one in desk.retake(1)] == [Status.HELD]
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == []
        assert list_held(connection, "shop", event_id(1), 10) == [event_id(2)]
    set_state(desk, "live")
    with desk.store.reading() as connection:
        assert list_stragglers(connection) == [event_id(1), event_id(2)]
    desk.retake(2, 1)
    assert desk.contact("email", "a@example.com")["attributes"] == {"n": 1, "m": 2}


def test_an_event_that_waits_is_held_when_it_wakes_while_its_source_is_paused(desk: Desk) -> None:
    desk.send(make_event(1, activity(A)))
    set_state(desk, "paused")
    desk.send(make_event(2, upsert(A), source="till"))
    assert (desk.event(1)["status"], desk.event(1)["waits_for"]) == ("held", [])
    set_state(desk, "live")
    desk.retake(1)
    assert desk.event(1)["status"] == "applied"


def test_what_is_settled_is_not_taken_again(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A)), make_event(2, {"action": "nonsense"}))
    assert desk.retake(1, 2, 9) == []
    assert (desk.event(1)["attempt_count"], desk.event(2)["status"]) == (1, "failed")


def test_an_event_without_actions_is_ignored(desk: Desk) -> None:
    assert desk.send(make_event(1)) == [Applied(event_id(1), Status.IGNORED)]


def test_nothing_is_nothing(desk: Desk) -> None:
    assert desk.send() == desk.retake() == []
