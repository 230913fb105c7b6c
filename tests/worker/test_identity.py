"""Identity: whom an action means, which two are one, and what names nobody."""

from desk import Desk, activity, bought, join, make_event, order, put, upsert

from gateway.worker.apply import ApplySettings

C1, C2 = {"customId": "c1"}, {"customId": "c2"}
A, B = {"email": "a@example.com"}, {"email": "b@example.com"}


def test_the_priority_of_the_action_decides_who_is_meant(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1), upsert(A)))
    desk.send(make_event(2, order(C1 | A, "by default")))
    both = order(C1 | A, "by e-mail")
    both["contact"]["identifiersPriority"] = ["email"]
    desk.send(make_event(3, both))
    assert [one["order_id"] for one in desk.contact("customId", "c1")["orders"]] == ["by default"]
    assert [one["order_id"] for one in desk.contact("email", "a@example.com")["orders"]] == ["by e-mail"]
    assert desk.event(3)["notes"] == [
        "conflict: customId:c1 belongs to the contact customId:c1; the contact email:a@example.com was used"
    ]


def test_every_identifier_a_contact_ever_had_finds_it_and_the_newest_is_shown(desk: Desk) -> None:
    desk.send(make_event(2, upsert(C1 | B)))
    desk.send(make_event(1, upsert(C1 | A)))
    for email in ("a@example.com", "b@example.com"):
        found = desk.contact("email", email)
        assert found["identifiers"] == C1 | B
        assert found["all_identifiers"] == {"customId": ["c1"], "email": ["a@example.com", "b@example.com"]}


def test_an_attribute_named_like_an_identifier_adds_one_and_is_no_attribute(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A, attributes={"email": " New@Example.com ", "customID": "c1", "phone": None})))
    found = desk.contact("customId", "c1")
    assert (found["identifiers"], found["attributes"]) == ({"email": "new@example.com", "customId": "c1"}, {})


def test_an_activity_that_may_change_nothing_adds_no_identifier(desk: Desk) -> None:
    desk.send(make_event(1, upsert(A)), make_event(2, activity(A, attributes={"email": "b@example.com"})))
    assert not desk.has_contact("email", "b@example.com")


def test_contacts_merge_where_the_action_allows_it_with_all_they_have(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1, attributes={"x": "old"}), put(C1, bought("P", 2)), join("VIP", C1)))
    desk.send(make_event(2, upsert(A, attributes={"x": "new"}), put(A, bought("P", 3)), order(A), activity(A)))
    desk.send(make_event(3, upsert(A | C1)))
    found = desk.contact("customId", "c1")
    assert found == desk.contact("email", "a@example.com")
    assert (found["attributes"], found["lists"], found["cart"][0]["qty"]) == ({"x": "new"}, ["VIP"], 5)
    assert (len(found["orders"]), len(found["activities"])) == (1, 1)


def test_nothing_is_left_of_the_contact_that_was_merged(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1), join("VIP", C1)), make_event(2, upsert(A), join("VIP", A)))
    desk.send(make_event(3, upsert(C1 | A)))
    with desk.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM contacts").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM memberships").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(DISTINCT contact_id) FROM effects").scalar() == 1


def test_a_merge_is_not_undone_by_a_replay(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1)), make_event(2, upsert(A)), make_event(3, upsert(C1 | A, attributes={"x": 1})))
    desk.send(make_event(4, root=3))
    assert desk.contact("customId", "c1") == desk.contact("email", "a@example.com")
    assert desk.contact("customId", "c1")["attributes"] == {}


def test_contacts_that_came_in_the_same_batch_merge(desk: Desk) -> None:
    first, second = upsert(C1, attributes={"x": 1}), upsert(A, attributes={"y": 2})
    desk.send(make_event(1, first), make_event(2, second), make_event(3, upsert(C1 | A)))
    assert desk.contact("customId", "c1")["attributes"] == {"x": 1, "y": 2}


def test_without_leave_to_merge_an_upsert_waits_and_says_whom_it_meets(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1), upsert(A)))
    desk.send(make_event(2, upsert(C1 | A, merge=False, attributes={"x": 1})))
    event = desk.event(2)
    assert (event["status"], event["reason"]) == (
        "waiting",
        "waits for the leave to merge into the contact customId:c1: "
        "email:a@example.com belongs to the contact email:a@example.com",
    )
    assert desk.contact("customId", "c1")["attributes"] == {}
    desk.send(make_event(3, upsert(C1 | A)))
    assert desk.event(2)["status"] == "applied"
    assert desk.contact("customId", "c1")["attributes"] == {"x": 1}


def test_only_the_keys_that_are_named_merge(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1), upsert(A), upsert({"phone": "+12025550123"})))
    options = {"mergeAllowed": True, "mergeableSecondaryKeys": ["email"]}
    everybody = C1 | A | {"phone": "+12025550123"}
    desk.send(make_event(2, upsert(everybody) | {"mergeOptions": options}))
    desk.send(make_event(3, upsert(C1 | A) | {"mergeOptions": options}))
    assert (desk.event(2)["status"], desk.event(3)["status"]) == ("waiting", "applied")
    assert desk.contact("customId", "c1") == desk.contact("email", "a@example.com")
    assert desk.contact("phone", "+12025550123")["identifiers"] == {"phone": "+12025550123"}


def test_what_waits_leaves_nothing_behind_of_a_merge_that_was_half_done(desk: Desk) -> None:
    desk.send(make_event(1, upsert(C1), upsert(A), upsert(C2), upsert(B)))
    desk.send(make_event(2, upsert(C1 | A), upsert(C2 | B, merge=False), join("VIP", {"customId": "c9"})))
    assert desk.event(2)["status"] == "waiting"
    assert desk.contact("customId", "c1") != desk.contact("email", "a@example.com")
    assert not desk.has_contact("customId", "c9")


def test_fifty_people_behind_one_phone_do_not_become_one(desk: Desk) -> None:
    till = {"phone": "+12025550123"}
    for number in range(1, 51):
        desk.send(make_event(number, upsert({"customId": f"c{number}"} | till, attributes={"n": number})))
    people = {tuple(desk.contact("customId", f"c{number}")["all_identifiers"]["customId"]) for number in range(1, 51)}
    assert len(people) == 46
    assert max(len(ids) for ids in people) == 5
    assert desk.event(6)["status"] == "applied"
    assert desk.event(6)["notes"] == ["shared identifier phone:+12025550123: not joined to the contact customId:c6"]
    assert desk.contact("customId", "c50")["attributes"] == {"n": 50}


def test_a_sixth_address_is_not_joined_to_a_contact_that_is_found_otherwise(desk: Desk) -> None:
    events = [make_event(number, upsert(C1 | {"email": f"{number}@example.com"})) for number in range(1, 7)]
    desk.send(*events)
    assert len(desk.contact("customId", "c1")["all_identifiers"]["email"]) == 5
    assert desk.contact("customId", "c1")["identifiers"] == C1 | {"email": "5@example.com"}
    assert not desk.has_contact("email", "6@example.com")
    assert desk.event(6)["notes"] == ["shared identifier email:6@example.com: not joined to the contact customId:c1"]


def test_two_that_would_have_too_many_values_together_do_not_merge(desk: Desk) -> None:
    desk.settings = ApplySettings(identifier_values_max=1)
    desk.send(make_event(1, upsert(C1 | A)), make_event(2, upsert(C2 | B)), make_event(3, upsert(C1 | B)))
    assert desk.contact("customId", "c1") != desk.contact("customId", "c2")
    assert desk.event(3)["status"] == "applied"
    assert desk.event(3)["notes"] == ["shared identifier email:b@example.com: not joined to the contact customId:c1"]


def test_an_ignored_identifier_names_nobody(desk: Desk) -> None:
    desk.settings = ApplySettings(ignored_identifiers=frozenset({"email:none@example.com"}))
    none = {"email": "none@example.com"}
    desk.send(
        make_event(1, upsert(C1 | none)), make_event(2, upsert(C2 | none)), make_event(3, upsert(C1), order(none))
    )
    assert desk.contact("customId", "c1")["identifiers"] == C1
    assert not desk.has_contact("email", "none@example.com")
    event = desk.event(3)
    assert (event["status"], event["stage"], event["failed_action"]) == ("failed", "apply", 1)
    assert event["reason"] == "all identifiers of its contact are ignored ones"


def test_a_key_with_a_colon_is_no_other_identifier(desk: Desk) -> None:
    desk.send(
        make_event(1, upsert({"a:b": "c"}, attributes={"n": 1})),
        make_event(2, upsert({"a": "b:c"}, attributes={"n": 2})),
    )
    assert desk.contact("a:b", "c")["attributes"] == {"n": 1}
