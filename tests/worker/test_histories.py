"""A timeline ends where the projections are: what it says was changed adds up to what people are shown."""

from typing import Any

from desk import Desk, bought, make_event, order, put, records, upsert
from hypothesis import given, settings
from sqlalchemy import select
from test_convergence import EXAMPLES, many, shopping, worlds

from gateway.event import Event
from gateway.operations.changes import History
from gateway.operations.timeline import fold
from gateway.store.documents import load
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
