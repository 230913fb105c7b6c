"""A timeline ends where the projections are: what it says was changed adds up to what people are shown."""

from typing import Any

from desk import Desk, activity, bought, event_id, make_event, order, put, records, upsert
from hypothesis import given, settings
from sqlalchemy import select
from test_convergence import EXAMPLES, many, shopping, worlds

from gateway.event import Event
from gateway.operations.changes import History
from gateway.operations.timeline import fold
from gateway.store.documents import load
from gateway.store.history import find_contact_id
from gateway.store.tables import contacts, memberships, orders, supplements


def told(history: History) -> dict[str, Any]:
    return {
        "attributes": {name: value for name, value in history.attributes.items() if value is not None},
        "subscriptions": {channel: status for channel, (_, status) in history.subscriptions.items()},
        "shown": history.shown,
        "cart": history.cart,
        "lists": {name for name, is_on in history.memberships.items() if is_on},
    }


def check(desk: Desk) -> None:
    with desk.store.reading() as connection:
        rows = connection.execute(select(contacts)).all()
        histories = fold(connection, [row.id for row in rows])
        for row in rows:
            lists = select(memberships.c.list).where(memberships.c.contact_id == row.id)
            assert told(histories[row.id]) == {
                "attributes": load(row.attributes),
                "subscriptions": load(row.subscriptions),
                "shown": load(row.shown),
                "cart": {product: line[0] for product, line in load(row.cart).items()},
                "lists": set(connection.scalars(lists)),
            }
        for row in connection.execute(select(orders)):
            held = histories[row.contact_id].targets[row.target]
            assert (held["status"], held.get("total")) == (row.status, row.total)
        for row in connection.execute(select(supplements)):
            assert histories[row.contact_id].targets[row.target] == load(row.record)


def check_many(desk: Desk, story: Any) -> None:
    @settings(many, max_examples=max(EXAMPLES // desk.share, 20))
    @given(story)
    def check_one(world: list[Event]) -> None:
        desk.clear()
        desk.send_and_wake(world)
        check(desk)

    check_one()


def test_what_a_timeline_adds_up_to_is_what_is_known_of_the_contact(shared_desk: Desk) -> None:
    check_many(shared_desk, worlds())


def test_a_timeline_of_shopping_ends_with_the_cart(shared_desk: Desk) -> None:
    check_many(shared_desk, shopping())


def test_an_order_that_changes_hands_is_told_from_what_it_was(desk: Desk) -> None:
    one, two = {"email": "a@example.com"}, {"email": "b@example.com"}
    desk.send(make_event(1, upsert(one)), make_event(2, upsert(two)))
    desk.send(make_event(3, order(one, "77", "paid", items=[bought("P")])), make_event(4, order(two, "77", "sent")))
    desk.send(make_event(5, put(two, bought("P"))), make_event(6, records(two, {"id": 1, "f": 2})))
    check(desk)
    with desk.store.reading() as connection:
        histories = fold(connection, list(connection.scalars(select(contacts.c.id))))
    changes = [change for history in histories.values() for many_ in history.told.values() for change in many_]
    assert {"what": "order", "name": "status", "before": "paid", "after": "sent"} in changes


def merges(desk: Desk, key: str, value: str) -> list[tuple[str, str]]:
    """Give (event, with whom) of every merge that the timeline of a contact tells, in the order of time."""
    with desk.store.reading() as connection:
        contact_id = find_contact_id(connection, key, value)
        assert contact_id is not None
        history = fold(connection, [contact_id])[contact_id]
    return [
        (event_id, change["after"])
        for (event_id, _, _), changes in history.told.items()
        for change in changes
        if change["name"] == "merged with"
    ]


def test_a_merge_is_told_where_it_was_said_with_all_that_the_other_went_by(desk: Desk) -> None:
    shop, mail = {"shop_id": "7"}, {"email": "a@example.com"}
    told = [
        make_event(1, upsert({"customId": "c"})),
        make_event(2, upsert(shop)),
        make_event(3, upsert(mail | {"phone": "+15550100"})),
        make_event(4, upsert(shop, attributes={"email": "a@example.com"})),
        make_event(5, activity(mail | {"customId": "c"})),
        make_event(6, order(shop | mail)),
    ]
    younger = "email:a@example.com, phone:+15550100"
    joined = [(event_id(4), younger), (event_id(5), f"{younger}, shop_id:7")]
    for story in (told, told[::-1], [told[4], *told[:4], told[5]]):
        desk.clear()
        for event in story:
            desk.send_and_wake([event])
        assert merges(desk, "email", "a@example.com") == joined
        check(desk)


def test_a_merge_that_its_event_does_not_say_any_more_is_not_told_of_another(desk: Desk) -> None:
    one, two = {"email": "a@example.com"}, {"customId": "c"}
    for event in (
        make_event(1, upsert(one)),
        make_event(2, upsert(one | two)),
        make_event(3, upsert(two), at=0),
        make_event(4, upsert(one), root=2),
    ):
        desk.send(event)
    assert desk.contact("email", "a@example.com") == desk.contact("customId", "c"), "a merge is never undone"
    assert merges(desk, "customId", "c") == []
