"""What a request asks of the gateway is bounded: faults are looked for until there are enough, long arrays in turns."""

import asyncio
from typing import Any

import orjson
import pytest

from gateway.actions import check_in_turns, parse, parse_action, parse_actions, turns
from gateway.actions.faults import FAULTS_MAX
from gateway.actions.parse import WHOLE_BYTES_MAX
from gateway.errors import BadRequest, Unprocessable

CONTACT = {"identifiers": {"email": "a@example.com"}}
ORDER = {"contact": CONTACT, "orderID": "1", "purchaseDate": "2026-01-01T00:00:00Z", "status": "paid"}
GOOD = {"action": "upsertContact", **CONTACT}


def order(**fields: Any) -> dict[str, Any]:
    return {"action": "upsertOrder", **ORDER, "items": [], **fields}


def refusal(raw: bytes) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        parse_actions(raw)
    return caught.value


def long(documents: list[Any]) -> bytes:
    """Write an array that is too long to be checked in one go."""
    raw = orjson.dumps([*documents, {**GOOD, "attributes": {"text": "x" * WHOLE_BYTES_MAX}}])
    assert len(raw) > WHOLE_BYTES_MAX
    return raw


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The faults that were found in each bad action that was looked at."""
    counts: list[int] = []
    find = parse.find_faults

    def count(*args: Any, **named: Any) -> Any:
        found = find(*args, **named)
        counts.append(len(found))
        return found

    monkeypatch.setattr(parse, "find_faults", count)
    return counts


def test_no_more_faults_are_looked_for_than_are_shown(looked_at: list[int]) -> None:
    """150,000 faults in 150 KB took a second of everybody's time."""
    error = refusal(orjson.dumps([order(items=[{}] * 990)] * 50))
    assert looked_at == [FAULTS_MAX + 1]
    assert len(error.faults) == FAULTS_MAX
    assert error.faults[0].pointer == "/0/items/0/productID"
    assert error.detail.endswith(" … and more")


def test_few_faults_are_counted_exactly(looked_at: list[int]) -> None:
    error = refusal(long([order(items=[{}]), GOOD, order(items=[{"productID": "1"}])]))
    assert looked_at == [3, 2]
    assert error.detail.endswith(" … and 2 more")


def test_a_flood_of_unknown_fields_is_told_by_its_size() -> None:
    unknown = {f"u{number}": 1 for number in range(40_000)}
    error = refusal(orjson.dumps([GOOD, order(**unknown)]))
    assert [(fault.pointer, fault.detail) for fault in error.faults] == [("/1", "more than 5000 faults")]
    with pytest.raises(Unprocessable) as caught:
        parse_action("upsertOrder", orjson.dumps({**ORDER, "items": [], **unknown}))
    assert [fault.pointer for fault in caught.value.faults] == [""]


@pytest.mark.parametrize("field", ["images", "identifiersPriority"])
def test_of_a_list_of_texts_the_first_that_is_none_is_told(field: str) -> None:
    item = {"productID": "1", "sku": "", "name": "x"}
    texts = ["a", {}, {}, 1.5]
    documents = {
        "images": order(items=[{**item, "images": texts}]),
        "identifiersPriority": {**GOOD, "identifiersPriority": texts},
    }
    (fault,) = refusal(orjson.dumps([documents[field]])).faults
    assert fault.pointer.endswith(f"/{field}/1")


@pytest.mark.parametrize(
    "bad",
    [
        order(items={}),
        order(items=[1]),
        order(contact=[]),
        order(properties=5),
        order(qty=1, items=[{"productID": 1, "sku": "", "name": "", "qty": "x", "itemPrice": "1.5.1"}]),
        order(items=[{"productID": True, "sku": 1.5, "name": "x", "qty": True, "attr": [], "properties": [1]}]),
        {"action": "addContactsToList", "contacts": {"identifiers": 1}, "listName": None, "occurredAt": 1},
        {"action": "explode"},
        {},
        1,
        None,
        [],
    ],
)
def test_a_long_array_has_the_faults_of_a_short_one(bad: Any) -> None:
    assert refusal(long([GOOD, bad])).faults == refusal(orjson.dumps([GOOD, bad])).faults


@pytest.mark.parametrize(
    "good", [order(), order(totalAmount=1.10, tax="0.1", items=[{"productID": 7, "sku": 1.5, "name": "x", "qty": "2"}])]
)
def test_a_long_array_means_what_a_short_one_means(good: Any) -> None:
    assert parse_actions(long([good]))[:1] == parse_actions(orjson.dumps([good]))


def test_a_long_text_that_is_not_json_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="Invalid JSON"):
        parse_actions(long([GOOD])[:-1])
    with pytest.raises(BadRequest, match="Invalid JSON"):
        parse_action("upsertContact", b"{" + b" " * WHOLE_BYTES_MAX)


async def test_others_have_their_turn_while_a_long_array_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 0)
    turns_of_others = 0

    async def be_another() -> None:
        nonlocal turns_of_others
        while True:
            turns_of_others += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(be_another())
    assert await check_in_turns(orjson.dumps([GOOD] * 500)) == [GOOD] * 500
    assert turns_of_others >= 500
    turns_of_others = 0
    with pytest.raises(Unprocessable):
        await check_in_turns(orjson.dumps([GOOD] * 300 + [{}] * 300))
    assert turns_of_others >= 300 + FAULTS_MAX
    other.cancel()
