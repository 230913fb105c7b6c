"""Carts: a fold in clock order, whenever its changes come."""

import itertools

import pytest
from desk import Desk, bought, make_event, order, put, take

from gateway.worker.apply import carts

EMAIL = {"email": "a@example.com"}


def cart(desk: Desk, email: str = "a@example.com") -> dict[str, int]:
    return {line["product_id"]: line["qty"] for line in desk.contact("email", email)["cart"]}


def test_products_add_up_and_are_taken_and_never_go_below_none(desk: Desk) -> None:
    desk.send(make_event(1, put(EMAIL, bought("P", 2), bought("Q", 1))))
    desk.send(make_event(2, put(EMAIL, bought("P", 1)), take(EMAIL, bought("Q", 5))))
    assert cart(desk) == {"P": 3}


def test_a_removal_before_an_addition_takes_nothing_from_it(desk: Desk) -> None:
    desk.send(make_event(2, put(EMAIL, bought("P", 2))))
    desk.send(make_event(1, take(EMAIL, bought("P", 5))))
    assert cart(desk) == {"P": 2}


def test_an_addition_that_comes_late_is_there_for_the_removal_after_it(desk: Desk) -> None:
    desk.send(make_event(2, take(EMAIL, bought("P", 1))))
    desk.send(make_event(1, put(EMAIL, bought("P", 3))))
    assert cart(desk) == {"P": 2}


def test_a_whole_cart_replaces_what_was_before_and_not_what_came_after(desk: Desk) -> None:
    desk.send(make_event(3, put(EMAIL, bought("R", 1))))
    desk.send(make_event(2, put(EMAIL, bought("Q", 1), bought("Q", 1), whole=True)))
    desk.send(make_event(1, put(EMAIL, bought("P", 1))))
    assert cart(desk) == {"Q": 2, "R": 1}


def test_an_empty_whole_cart_empties_it(desk: Desk) -> None:
    desk.send(make_event(1, put(EMAIL, bought("P", 1))), make_event(2, put(EMAIL, whole=True)))
    assert cart(desk) == {}


def test_a_line_shows_the_fields_of_its_newest_addition(desk: Desk) -> None:
    desk.send(make_event(2, put(EMAIL, bought("P", 1, name="new", itemPrice="1.50"))))
    desk.send(make_event(1, put(EMAIL, bought("P", 1, name="old"))))
    (line,) = desk.contact("email", "a@example.com")["cart"]
    assert line == {"product_id": "P", "qty": 2, "sku": "", "name": "new", "category": "", "price": "1.50"}


def test_an_order_takes_its_items_once(desk: Desk) -> None:
    desk.send(make_event(1, put(EMAIL, bought("P", 5))))
    desk.send(make_event(2, order(EMAIL, items=[bought("P", 2)])))
    desk.send(make_event(3, order(EMAIL, status="sent", items=[bought("P", 2)])))
    assert cart(desk) == {"P": 3}


def test_the_first_upsert_of_an_order_that_asks_takes_though_it_comes_late(desk: Desk) -> None:
    desk.send(make_event(1, put(EMAIL, bought("P", 5))))
    desk.send(make_event(4, order(EMAIL, items=[bought("P", 1)])))
    assert cart(desk) == {"P": 4}
    desk.send(make_event(2, order(EMAIL, items=[bought("P", 5)], removeItemsFromCart=False)))
    assert cart(desk) == {"P": 4}
    desk.send(make_event(3, order(EMAIL, items=[bought("P", 3)])))
    assert cart(desk) == {"P": 2}


def test_an_order_that_was_another_persons_first_takes_from_that_persons_cart(desk: Desk) -> None:
    other = {"email": "b@example.com"}
    desk.send(make_event(1, put(EMAIL, bought("P", 5)), put(other, bought("P", 5))))
    desk.send(make_event(3, order(EMAIL, items=[bought("P", 1)])))
    desk.send(make_event(2, order(other, items=[bought("P", 1)])))
    assert cart(desk) == {"P": 5}
    assert cart(desk, "b@example.com") == {"P": 4}


def test_a_replay_that_takes_an_order_back_lets_the_next_one_take(desk: Desk) -> None:
    other = {"email": "b@example.com"}
    desk.send(make_event(1, put(EMAIL, bought("P", 5)), put(other, bought("P", 5))))
    desk.send(make_event(2, order(EMAIL, items=[bought("P", 1)])), make_event(3, order(other, items=[bought("P", 2)])))
    assert (cart(desk), cart(desk, "b@example.com")) == ({"P": 4}, {"P": 5})
    desk.send(make_event(4, root=2))
    assert (cart(desk), cart(desk, "b@example.com")) == ({"P": 5}, {"P": 3})


def test_an_order_that_takes_no_more_gives_back_also_what_is_folded_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carts, "RECENT_CHANGES_MAX", 1)
    for number, said in ((5, put(EMAIL, bought("P"))), (1, put(EMAIL, bought("P", 5)))):
        desk.send(make_event(number, said))
    desk.send(make_event(3, order(EMAIL, items=[bought("P", 2)])))
    assert cart(desk) == {"P": 4}
    desk.send(make_event(2, order({"email": "b@example.com"}, items=[bought("P", 2)])))
    assert cart(desk) == {"P": 6}


def test_an_order_that_takes_no_more_gives_back_what_a_late_addition_brings(desk: Desk) -> None:
    desk.send(make_event(5, put(EMAIL, bought("P", 1))))
    desk.send(make_event(3, order(EMAIL, items=[bought("P", 4)])))
    desk.send(make_event(1, put(EMAIL, bought("P", 5))), make_event(2, order(EMAIL, items=[bought("P", 1)])))
    assert cart(desk) == {"P": 5}


CHANGES = (
    put(EMAIL, bought("P", 2)),
    take(EMAIL, bought("P", 3)),
    put(EMAIL, bought("P", 4), bought("Q", 1)),
    order(EMAIL, items=[bought("P", 1), bought("Q", 9)]),
    put(EMAIL, bought("Q", 2)),
)


@pytest.mark.parametrize("kept", [1, 3, 256])
def test_every_order_of_arrival_gives_the_same_cart(desk: Desk, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(carts, "RECENT_CHANGES_MAX", kept)
    for arrival in [*itertools.permutations(range(len(CHANGES)))][:: desk.share]:
        desk.clear()
        for number in arrival:
            desk.send(make_event(number + 1, CHANGES[number]))
        assert cart(desk) == {"P": 3, "Q": 2}


def test_what_is_late_by_little_is_put_in_its_place_without_reading_the_ledger(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.send(make_event(1, put(EMAIL, bought("P", 2))), make_event(3, take(EMAIL, bought("P", 5))))
    with desk.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM effects")
    desk.send(make_event(2, put(EMAIL, bought("P", 4))))
    assert cart(desk) == {"P": 1}


def test_the_row_of_a_busy_person_does_not_grow_without_end(desk: Desk) -> None:
    many = carts.RECENT_CHANGES_MAX * 2
    desk.send(*(make_event(number, put(EMAIL, bought("P", 1))) for number in range(1, many + 1)))
    with desk.store.reading() as connection:
        size = connection.exec_driver_sql("SELECT length(state) FROM contacts").scalar()
    assert size is not None
    assert size < carts.RECENT_CHANGES_MAX * 250
    assert cart(desk) == {"P": many}
