"""Contacts: registers, subscriptions, activities and what counts only on creation."""

from dataclasses import replace

from desk import Desk, activity, join, leave, make_event, order, upsert

EMAIL = {"email": "a@example.com"}
CHANNEL = "channels.email.subscribeStatus"


def attributes(desk: Desk) -> dict[str, object]:
    found: dict[str, object] = desk.contact("email", "a@example.com")["attributes"]
    return found


def test_an_older_event_never_overwrites_a_newer_value(desk: Desk) -> None:
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": "new"})))
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "old", "zip": "1"})))
    assert attributes(desk) == {"city": "new", "zip": "1"}


def test_what_happened_earlier_is_older_though_it_was_received_later(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "new"})))
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": "old"}, occurredAt="2020-01-01T00:00:00Z")))
    assert attributes(desk) == {"city": "new"}


def test_the_manifests_time_counts_where_the_action_names_none(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "new"})))
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": "old"}), occurred_at=0))
    assert attributes(desk) == {"city": "new"}


def test_a_time_in_the_future_counts_as_the_time_of_receipt(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "first"}, occurredAt="2999-01-01T00:00:00Z")))
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": "second"})))
    assert attributes(desk) == {"city": "second"}


def test_the_first_moment_of_time_is_a_time(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "old"}, occurredAt="0001-01-01T00:00:00Z")))
    assert attributes(desk) == {"city": "old"}


def test_equal_times_are_decided_by_the_id_of_the_root(desk: Desk) -> None:
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": "two"}), at=0))
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "one"}), at=0))
    assert attributes(desk) == {"city": "two"}


def test_within_an_event_the_later_action_counts(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"n": 1}), upsert(EMAIL, attributes={"n": 2})))
    assert attributes(desk) == {"n": 2}


def test_null_clears_and_an_older_value_does_not_come_back(desk: Desk) -> None:
    desk.send(make_event(2, upsert(EMAIL, attributes={"city": None})))
    desk.send(make_event(1, upsert(EMAIL, attributes={"city": "old"})))
    assert attributes(desk) == {}


def test_objects_are_flattened_and_arrays_are_whole(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"a": {"b": {"c": 1}}, "list": [1, {"x": 2}]})))
    assert attributes(desk) == {"a.b.c": 1, "list": [1, {"x": 2}]}


def test_an_integer_past_64_bits_loses_no_digit(desk: Desk) -> None:
    huge = b'[{"action":"upsertContact","identifiers":{"email":"a@example.com"},"attributes":{"n":%d}}]' % (10**30 + 1)
    desk.send(replace(make_event(1), actions=huge))
    assert attributes(desk) == {"n": str(10**30 + 1)}


def test_nul_is_replaced_and_what_only_looks_like_it_is_not(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"a": "x\0y", "b": "x\\u0000y"})))
    assert attributes(desk) == {"a": "x\N{REPLACEMENT CHARACTER}y", "b": "x\\u0000y"}


def test_an_unsubscribe_is_never_lost(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={CHANNEL: "unsubscribed"})))
    desk.send(make_event(2, upsert(EMAIL, attributes={CHANNEL: "subscribed"})))
    assert desk.contact("email", "a@example.com")["subscriptions"] == {"email": "unsubscribed"}


def test_an_unsubscribe_that_comes_late_counts_against_a_subscribe_without_force(desk: Desk) -> None:
    desk.send(make_event(2, upsert(EMAIL, attributes={CHANNEL: "subscribed"})))
    desk.send(make_event(1, upsert(EMAIL, attributes={CHANNEL: "unsubscribed"})))
    assert desk.contact("email", "a@example.com")["subscriptions"] == {"email": "unsubscribed"}


def test_a_forced_subscribe_takes_an_older_unsubscribe_back(desk: Desk) -> None:
    desk.send(make_event(2, upsert(EMAIL, attributes={CHANNEL: "subscribed"}, force=True)))
    desk.send(make_event(1, upsert(EMAIL, attributes={CHANNEL: "unsubscribed"})))
    assert desk.contact("email", "a@example.com")["subscriptions"] == {"email": "subscribed"}


def test_a_subscription_of_null_says_nothing(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={CHANNEL: "unsubscribed"})))
    desk.send(make_event(2, upsert(EMAIL, attributes={CHANNEL: None}, force=True)))
    assert desk.contact("email", "a@example.com")["subscriptions"] == {"email": "unsubscribed"}


def test_a_boolean_attribute_is_shown_as_the_list_as_soon_as_there_is_one(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL, attributes={"VIP": True, "plain": True})))
    assert (attributes(desk), desk.contact("email", "a@example.com")["lists"]) == ({"VIP": True, "plain": True}, [])
    desk.send(make_event(2, join("VIP", {"email": "b@example.com"})))
    assert (attributes(desk), desk.contact("email", "a@example.com")["lists"]) == ({"plain": True}, ["VIP"])


def test_membership_is_a_register(desk: Desk) -> None:
    desk.send(make_event(2, leave("VIP", EMAIL)))
    desk.send(make_event(1, join("VIP", EMAIL)))
    assert desk.contact("email", "a@example.com")["lists"] == []
    desk.send(make_event(3, upsert(EMAIL, attributes={"VIP": True})))
    assert desk.contact("email", "a@example.com")["lists"] == ["VIP"]


def test_activities_are_kept_once_and_shown_newest_first(desk: Desk) -> None:
    first = make_event(1, upsert(EMAIL), activity(EMAIL, "old", "2026-01-01T00:00:00Z"))
    desk.send(first)
    desk.send(first, make_event(2, activity(EMAIL, "new", "2026-02-01T01:00:00+01:00")))
    shown = [(one["name"], one["time"]) for one in desk.contact("email", "a@example.com")["activities"]]
    assert shown == [("new", "2026-02-01T00:00:00.000000Z"), ("old", "2026-01-01T00:00:00.000000Z")]


def test_attributes_of_an_activity_count_only_if_it_creates_or_may_update(desk: Desk) -> None:
    desk.send(make_event(1, upsert(EMAIL)))
    desk.send(make_event(2, activity(EMAIL, attributes={"a": 1}, canBeCreated=True)))
    desk.send(make_event(3, activity(EMAIL, attributes={"b": 1}, canBeUpdated=True)))
    desk.send(make_event(4, activity({"email": "new@example.com"}, attributes={"c": 1}, canBeCreated=True)))
    assert attributes(desk) == {"b": 1}
    assert desk.contact("email", "new@example.com")["attributes"] == {"c": 1}


def test_what_counted_on_creation_counts_no_more_when_an_older_creator_comes(desk: Desk) -> None:
    desk.send(make_event(2, activity(EMAIL, attributes={"a": 1, CHANNEL: "unsubscribed"}, canBeCreated=True)))
    assert attributes(desk) == {"a": 1}
    desk.send(make_event(1, upsert(EMAIL, attributes={"b": 2})))
    found = desk.contact("email", "a@example.com")
    assert (found["attributes"], found["subscriptions"]) == ({"b": 2}, {})


def test_an_activity_that_may_create_nobody_is_no_creator(desk: Desk) -> None:
    desk.send(make_event(1, activity(EMAIL)), make_event(3, activity(EMAIL, attributes={"a": 1}, canBeCreated=True)))
    found = desk.contact("email", "a@example.com")
    assert (found["attributes"], found["created_at"]) == ({"a": 1}, "2026-09-21T14:13:23.000000Z")


def test_times_of_a_contact_are_those_of_what_happened(desk: Desk) -> None:
    desk.send(make_event(3, upsert(EMAIL)), make_event(2, order(EMAIL)))
    found = desk.contact("email", "a@example.com")
    assert (found["created_at"], found["changed_at"]) == ("2026-09-21T14:13:22.000000Z", "2026-09-21T14:13:23.000000Z")
