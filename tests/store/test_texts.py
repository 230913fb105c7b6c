"""What is odd in a text is kept by both databases, and found again by both: NUL, half a pair, very long, very large."""

from dataclasses import replace
from random import Random
from typing import Any

import orjson
import pytest

from gateway.actions.fields import NAME_BYTES_MAX, NAME_MAX
from gateway.errors import NotFound
from gateway.event import Event, Lane, Status
from gateway.store.contacts import find_contact
from gateway.store.engine import Store
from gateway.store.events import load_event
from gateway.store.keys import insert_key, list_keys
from gateway.store.lists import create_lists, find_lists
from gateway.store.orders import find_orders
from gateway.store.requests import load_request
from gateway.store.versions import load_version
from gateway.worker.apply import ApplySettings, apply_batch

NUL, SHOWN = "a\0b", "a\N{REPLACEMENT CHARACTER}b"
RECEIVED_AT = 1_790_000_000_000_000


def make(number: int, *actions: dict[str, Any], **fields: Any) -> Event:
    event_id = f"evt_{number:026d}"
    raw = orjson.dumps(actions)
    return Event(event_id, event_id, "shop", RECEIVED_AT, Status.QUEUED, raw, b"{}", raw, **fields)


def send(store: Store, *events: Event) -> list[str]:
    applied = apply_batch(store, events, settings=ApplySettings(), lane=Lane.LIVE)
    return [one.status.value for one in sorted(applied, key=lambda one: one.event_id)]


def upsert(value: str, **attributes: Any) -> dict[str, Any]:
    return {"action": "upsertContact", "identifiers": {"shop_id": value}, "attributes": attributes}


def test_a_nul_in_a_payload_is_kept_raw_applied_and_found_again(store: Store) -> None:
    order = {
        "action": "upsertOrder",
        "contact": {"identifiers": {"shop_id": NUL}},
        "orderID": NUL,
        "purchaseDate": "2026-01-01T00:00:00Z",
        "status": NUL,
        "items": [{"productID": NUL, "sku": NUL, "name": NUL}],
    }
    joined = {"action": "addContactsToList", "contacts": {"identifiers": {"shop_id": NUL}}, "listName": NUL}
    event = make(1, upsert(NUL, name=NUL, **{NUL: True}), order, joined, unique_key=NUL)
    assert send(store, event) == ["applied"]
    with store.reading() as connection:
        assert load_request(connection, event.id) == (b"{}", event.body)
        for asked in (NUL, SHOWN):
            contact = find_contact(connection, "shop_id", asked)
            assert contact is not None
            assert contact["attributes"]["name"] == SHOWN
            assert contact["lists"] == [SHOWN]
            assert [one["order_id"] for one in find_orders(connection, asked)] == [SHOWN]
            assert find_lists(connection, [asked]) == {SHOWN}
    assert send(store, replace(event, id="evt_2", root="evt_2")) == ["duplicate"]


@pytest.mark.parametrize("odd", [NUL, "\ud800", "\udfff\ud800", "☃" * 1000, "x" * 100_000])
def test_nobody_is_called_that_and_asking_is_no_fault(store: Store, odd: str) -> None:
    with store.reading() as connection:
        assert find_contact(connection, odd, odd) is None
        assert find_orders(connection, odd, odd) == []
        assert find_lists(connection, [odd]) == set()
        assert load_event(connection, odd) is None


def test_what_an_operator_writes_is_kept_without_a_nul(store: Store) -> None:
    key = {"id": "key_1", "role": "admin", "sources": "[]", "sha256": "x", "created_at": 0}
    with store.writing() as connection:
        insert_key(connection, {**key, "name": f"{NUL} \ud800"})
        assert [one["name"] for one in list_keys(connection)] == [f"{SHOWN} ?"]
        create_lists(connection, [NUL, "plain"], 0)
        assert find_lists(connection, [NUL, "plain"]) == {SHOWN, "plain"}


@pytest.mark.parametrize("number", ["9" * 30, "٣", "4294967296"])
def test_a_version_of_any_number_is_asked_for_and_not_there(store: Store, number: str) -> None:
    with store.reading() as connection, pytest.raises(NotFound):
        load_version(connection, "shop", number)


def test_integers_of_any_size_come_back_digit_for_digit(store: Store) -> None:
    sizes = [2**63, 2**64, -(2**63) - 1, 10**40]
    raw = b'[{"action":"upsertContact","identifiers":{"shop_id":"1"},"attributes":{"sizes":%s}}]'
    event = replace(make(1), actions=raw % str(sizes).encode())
    assert send(store, event) == ["applied"]
    with store.reading() as connection:
        contact = find_contact(connection, "shop_id", "1")
    assert contact is not None
    assert [int(size) for size in contact["attributes"]["sizes"]] == sizes


def random_text(alphabet: str, length: int, seed: int) -> str:
    """Make a text that no database can make shorter."""
    chance = Random(seed)
    return "".join(chance.choice(alphabet) for _ in range(length))


ALPHABETS = {
    "ascii": "".join(map(chr, range(33, 127))),
    "cjk": "".join(map(chr, range(0x4E00, 0x9FA5))),
    "emoji": "".join(map(chr, range(0x1F300, 0x1FAFF))),
    "quotes": '"\\',
    "controls": "".join(map(chr, range(1, 32))),
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_the_longest_names_that_are_allowed_are_applied_and_found(store: Store, alphabet: str) -> None:
    letters = ALPHABETS[alphabet]
    length = min(NAME_MAX, NAME_BYTES_MAX // len(letters[-1].encode())) - 2
    one, two, three, four = (f".{random_text(letters, length, seed)}." for seed in range(4))
    order = {
        "action": "upsertOrder",
        "source": one,
        "contact": {"identifiers": {two: three}},
        "orderID": four,
        "purchaseDate": "2026-01-01T00:00:00Z",
        "status": "open",
        "items": [],
    }
    record = {
        "action": "upsertSupplementRecords",
        "source": one,
        "contact": {"identifiers": {two: three}},
        "supplement": two,
        "records": [{"id": three}],
    }
    joined = {"action": "addContactsToList", "contacts": {"identifiers": {two: three}}, "listName": four}
    left = {**joined, "action": "removeContactsFromList", "identifyListBy": {three: four}}
    del left["listName"]
    activity = {
        "action": "createContactactivities",
        "contact": {"identifiers": {two: four}},
        "contactActivities": [{"name": one, "time": "2026-01-01T00:00:00Z"}],
    }
    contact = {"action": "upsertContact", "identifiers": {two: three}, "attributes": {four: True}}
    events = [make(number, one) for number, one in enumerate((order, record, joined, left, contact, activity), 1)]
    assert send(store, *events) == ["applied"] * 5 + ["waiting"]
    with store.reading() as connection:
        found = find_contact(connection, two, three)
        assert found is not None
        assert (found["lists"], len(found["orders"]), len(found["supplements"])) == ([four], 1, 1)


@pytest.mark.parametrize("length", [10_000, 100_000])
def test_a_unique_key_of_any_length_makes_one_delivery(store: Store, length: int) -> None:
    key = random_text(ALPHABETS["cjk"], length, 1)
    assert send(store, make(1, unique_key=key), make(2, unique_key=key), make(3, unique_key=key + "x")) == [
        "ignored",
        "duplicate",
        "ignored",
    ]
    with store.reading() as connection:
        found = load_event(connection, make(2).id)
    assert found is not None
    assert (found["unique_key"], found["replaced_by"]) == (key, make(1).id)


@pytest.mark.parametrize("place", ["key", "value", "list", "attribute", "order"])
def test_a_name_of_ten_thousand_characters_is_refused_and_the_event_kept(store: Store, place: str) -> None:
    long = random_text(ALPHABETS["ascii"], 10_000, 1)
    action = {
        "key": {"action": "upsertContact", "identifiers": {long: "1"}},
        "value": upsert(long),
        "list": {"action": "addContactsToList", "contacts": {"identifiers": {"shop_id": "1"}}, "listName": long},
        "attribute": upsert("1", **{long: True}),
        "order": {"action": "upsertOrder", "contact": {"identifiers": {"shop_id": "1"}}, "orderID": long},
    }[place]
    event = make(1, action)
    assert send(store, event) == ["failed"]
    with store.reading() as connection:
        assert load_request(connection, event.id) == (b"{}", event.body)
        assert (load_event(connection, event.id) or {})["stage"] == "validate"


LONG = 1234567890123456789012345


def test_an_event_shows_every_digit_of_what_was_sent(store: Store) -> None:
    event = replace(
        make(1),
        actions=b'[{"action":"upsertContact","identifiers":{"shop_id":%d},"attributes":{"n":[-%d,1.5,7]}}]'
        % (LONG, LONG),
    )
    assert send(store, event) == ["applied"]
    with store.reading() as connection:
        shown = (load_event(connection, event.id) or {})["actions"][0]
    assert shown["identifiers"] == {"shop_id": str(LONG)}
    assert shown["attributes"] == {"n": [f"-{LONG}", 1.5, 7]}


@pytest.mark.parametrize("odd", ["9" * 5000, "[" * 1000 + "1" * 30 + "]" * 1000], ids=["endless", "deep"])
def test_what_python_cannot_read_exactly_is_shown_all_the_same(store: Store, odd: str) -> None:
    event = replace(make(1), status=Status.FAILED, stage="validate", reason="odd", actions=b"[%b]" % odd.encode())
    assert send(store, event) == ["failed"]
    with store.reading() as connection:
        assert isinstance((load_event(connection, event.id) or {})["actions"], list | str)
