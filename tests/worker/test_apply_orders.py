"""Orders and supplements: every field a register, and so is whose they are."""

from desk import Desk, bought, make_event, order, records, upsert

EMAIL, OTHER = {"email": "a@example.com"}, {"email": "b@example.com"}


def test_an_order_keeps_the_newest_of_each_field_and_its_items_as_a_whole(desk: Desk) -> None:
    desk.send(make_event(2, order(EMAIL, status="sent", items=[bought("P")])))
    desk.send(make_event(1, order(EMAIL, status="paid", items=[bought("Q"), bought("R")], totalAmount="10.00")))
    (found,) = desk.orders("727")
    assert (found["status"], [item["product_id"] for item in found["items"]], found["total"]) == (
        "sent",
        ["P"],
        "10.00",
    )


def test_an_item_says_what_it_comes_to_exactly(desk: Desk) -> None:
    items = [bought("P", 3, itemPrice=0.1), bought("Q", 2)]
    desk.send(make_event(1, order(EMAIL, items=items, tax=1e2, properties={"a": None})))
    (found,) = desk.orders("727")
    assert [item.get("amount") for item in found["items"]] == ["0.3", None]
    assert (found["tax"], found["properties"]) == ("100", {"a": None})


def test_two_shops_both_have_order_727(desk: Desk) -> None:
    desk.send(make_event(1, order(EMAIL, source="north")), make_event(2, order(OTHER, status="sent"), source="south"))
    assert [(one["origin"], one["status"]) for one in desk.orders("727")] == [("north", "paid"), ("south", "sent")]


def test_an_origin_with_a_line_end_is_no_other_order(desk: Desk) -> None:
    desk.send(make_event(1, order(EMAIL, "b\nc", source="a"), order(EMAIL, "c", source="a\nb")))
    assert len(desk.orders("b\nc")) == len(desk.orders("c")) == 1


def test_an_order_belongs_to_whom_the_newest_event_names(desk: Desk) -> None:
    desk.send(make_event(2, order(EMAIL)))
    desk.send(make_event(1, order(OTHER)))
    assert desk.orders("727")[0]["contact"]["identifiers"] == EMAIL
    desk.send(make_event(3, order(OTHER)))
    assert desk.orders("727")[0]["contact"]["identifiers"] == OTHER
    assert desk.contact("email", "a@example.com")["orders"] == []


def test_an_order_that_a_replay_no_longer_gives_is_gone(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL), order(EMAIL)))
    desk.send(make_event(2, upsert(EMAIL), root=1))
    assert desk.orders("727") == []


def test_a_field_that_a_replay_takes_back_falls_to_the_one_before(desk: Desk) -> None:
    desk.send(make_event(1, order(EMAIL, totalAmount="1")), make_event(2, order(EMAIL, totalAmount="2")))
    desk.send(make_event(3, order(EMAIL, status="sent"), root=2))
    assert [(one["status"], one["total"]) for one in desk.orders("727")] == [("sent", "1")]


def supplement(desk: Desk) -> dict[str, object]:
    (found,) = desk.contact("email", "a@example.com")["supplements"]
    record: dict[str, object] = found["record"]
    return record


def test_a_record_is_as_new_as_it_says(desk: Desk) -> None:
    desk.send(make_event(1, records(EMAIL, {"id": 7, "at": "2026-02-01T00:00:00Z", "n": 1}, updatedDateField="at")))
    desk.send(
        make_event(2, records(EMAIL, {"id": "7", "at": "2026-01-01T00:00:00Z", "n": 2, "m": 3}, updatedDateField="at"))
    )
    assert supplement(desk) == {"id": 7, "at": "2026-02-01T00:00:00Z", "n": 1, "m": 3}


def test_a_record_of_the_future_is_as_new_as_its_receipt(desk: Desk) -> None:
    desk.send(make_event(1, records(EMAIL, {"id": 7, "at": "2999-01-01T00:00:00Z", "n": 1}, updatedDateField="at")))
    desk.send(make_event(2, records(EMAIL, {"id": 7, "n": 2})))
    assert supplement(desk)["n"] == 2


def test_equal_dates_of_a_record_are_decided_by_who_said_it_last(desk: Desk) -> None:
    date = "2026-01-01T00:00:00Z"
    desk.send(make_event(2, records(EMAIL, {"id": 7, "at": date, "n": 2}, updatedDateField="at")))
    desk.send(make_event(1, records(EMAIL, {"id": 7, "at": date, "n": 1}, updatedDateField="at")))
    assert supplement(desk)["n"] == 2


def test_a_record_without_a_readable_date_cannot_be(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL), records(EMAIL, {"id": 7, "at": "soon"}, updatedDateField="at")))
    assert (desk.event(1)["status"], desk.event(1)["stage"]) == ("failed", "validate")
    assert not desk.has_contact("email", "a@example.com")


def test_a_field_with_an_empty_name_is_a_field(desk: Desk) -> None:
    desk.send(make_event(2, records(EMAIL, {"id": 7, "": 2})), make_event(1, records(OTHER, {"id": 7, "": 1})))
    assert supplement(desk) == {"id": 7, "": 2}
