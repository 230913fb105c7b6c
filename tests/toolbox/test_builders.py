"""The eight builders: wire form, only what was given; and that the API's own models take what they build."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from script_requests import NOON

from gateway import toolbox
from gateway.actions import parse_actions
from gateway.toolbox import cart_item, contact_activity, order_item, parse_time, upsert_contact, upsert_order

PERSON: dict[str, Any] = {"identifiers": {"email": "jo@example.com", "shop_id": 7}, "identifiers_priority": ["email"]}
WIRE_PERSON = {"identifiers": {"email": "jo@example.com", "shop_id": 7}, "identifiersPriority": ["email"]}


def whole() -> list[dict[str, Any]]:
    """Each builder with everything it takes."""
    label: dict[str, Any] = {"source": "till", "occurred_at": NOON}
    activity = contact_activity("viewed", NOON, {"n": 1}, {"city": "Graz"}, {"type": "mobile"})
    more: dict[str, Any] = {
        "url": "https://e.com/p",
        "images": ["https://e.com/i"],
        "properties": {"a": 1},
        "attributes": {"b": 2},
    }
    line = order_item("p", "s", "n", category="c", manufacturer_name="m", item_price=Decimal("1.50"), qty=2, **more)
    cart = cart_item("p", 2, sku="s", name="n", category="c", description="d", item_price="1.50", **more)
    merge: dict[str, Any] = {"merge_options": {"mergeable_secondary_keys": ["email"]}, "merge_allowed": True}
    eager = {
        **PERSON,
        "attributes": {"a": 1},
        "force_subscribe": False,
        "merge_options": {"merge_allowed": True},
        "can_be_created": True,
        "can_be_updated": False,
    }
    return [
        upsert_contact(**PERSON, attributes={"a": None}, force_subscribe=True, **merge, **label),
        toolbox.create_contact_activities(
            contact=eager,
            activities=[activity],
            **label,
        ),
        toolbox.add_contacts_to_list(contacts=PERSON, list_name="vip", is_allowed_to_create_lists=False, **label),
        toolbox.remove_contacts_from_list(contacts=PERSON, list_identifier="7", list_identifier_key="segment", **label),
        upsert_order(
            contact=PERSON,
            order_id=727,
            purchase_date=NOON,
            status="paid",
            items=[line],
            total_amount=Decimal("3.00"),
            tax=Decimal("0.5"),
            properties={"a": 1},
            should_remove_items_from_cart=False,
            **label,
        ),
        toolbox.upsert_supplement_records(
            contact=PERSON, supplement="subs", records=[{"id": 1, "at": NOON}], updated_date_field="at", **label
        ),
        toolbox.add_products_to_cart(contact=PERSON, items=[cart], is_whole_cart=True, **label),
        toolbox.remove_products_from_cart(contact=PERSON, items=[cart_item("p", 1)], **label),
    ]


@pytest.mark.parametrize("action", whole(), ids=lambda action: str(action["action"]))
def test_an_action_is_json_and_the_models_of_the_api_take_it(action: dict[str, Any]) -> None:
    assert next(iter(action)) == "action"
    text = json.dumps(action)
    assert json.loads(text) == action
    (model,) = parse_actions(f"[{text}]".encode())
    assert model.action == action["action"]
    assert model.occurred_at == NOON


def test_what_is_not_given_is_not_there() -> None:
    assert upsert_contact(identifiers={"email": "a@b.c"}) == {
        "action": "upsertContact",
        "identifiers": {"email": "a@b.c"},
    }
    assert order_item(1, 2, "n") == {"productID": "1", "sku": "2", "name": "n"}
    assert cart_item(1, 2) == {"productID": "1", "qty": 2}


def test_times_and_decimals_become_text_at_any_depth() -> None:
    vienna = parse_time("2024-05-01 14:00", zone="Europe/Vienna")
    attributes = {"a": [{"at": vienna, "on": date(2024, 5, 1)}], "sum": Decimal("1E+2"), "none": None, "pair": (1, 2)}
    assert upsert_contact(identifiers={}, attributes=attributes)["attributes"] == {
        "a": [{"at": "2024-05-01T12:00:00Z", "on": "2024-05-01"}],
        "sum": "100",
        "none": None,
        "pair": [1, 2],
    }


def test_a_contact_is_copied_and_its_keys_are_renamed() -> None:
    order = upsert_order(contact=PERSON, order_id="1", purchase_date="2024-05-01T00:00:00Z", status="", items=[])
    assert order["contact"] == WIRE_PERSON
    order["contact"]["identifiers"]["email"] = "other"
    assert PERSON["identifiers"]["email"] == "jo@example.com"


def test_what_is_changed_after_an_action_was_built_changes_nothing_in_it() -> None:
    properties: dict[str, Any] = {"size": "xs", "tags": ["new"]}
    line = order_item("p", "s", "n", properties=properties)
    items = [line]
    order = upsert_order(contact=PERSON, order_id="1", purchase_date=NOON, status="", items=items)
    properties["size"] = "xl"
    properties["tags"].append("sale")
    line["name"] = "other"
    line["properties"]["size"] = "m"
    line["properties"]["tags"].append("old")
    items.append(line)
    sold = {"productID": "p", "sku": "s", "name": "n", "properties": {"size": "xs", "tags": ["new"]}}
    assert order["items"] == [sold]


@pytest.mark.parametrize(
    ("contact", "message"),
    [
        ({"identifiers": {}, "colour": 1}, "no field 'colour'"),
        ({"identifiers": {}, "attributes": {}}, "no field 'attributes' here"),
        ({"identifiersPriority": [], "identifiers_priority": []}, "in two spellings"),
        ("jo@example.com", "contact must be a dict, not str"),
    ],
)
def test_a_contact_with_a_wrong_field_is_a_type_error_that_names_it(contact: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        upsert_order(contact=contact, order_id="1", purchase_date=NOON, status="", items=[])


def test_a_wrong_keyword_is_a_type_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="'colour'"):
        upsert_contact(identifiers={}, colour="red")


def test_merge_allowed_is_short_for_merge_options() -> None:
    assert upsert_contact(identifiers={}, merge_allowed=True)["mergeOptions"] == {"mergeAllowed": True}
    assert upsert_contact(identifiers={}, merge_allowed=False)["mergeOptions"] == {"mergeAllowed": False}
    both = upsert_contact(identifiers={}, merge_allowed=True, merge_options={"mergeableSecondaryKeys": ["email"]})
    assert both["mergeOptions"] == {"mergeAllowed": True, "mergeableSecondaryKeys": ["email"]}
    with pytest.raises(TypeError, match="different things"):
        upsert_contact(identifiers={}, merge_allowed=True, merge_options={"mergeAllowed": False})


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Decimal("NaN")])
def test_a_value_that_cannot_travel_is_refused_with_the_name_of_its_field(value: Any) -> None:
    with pytest.raises(TypeError, match="attributes holds"):
        upsert_contact(identifiers={}, attributes={"a": [value]})


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        contact_activity("viewed", datetime(2024, 5, 1))  # noqa: DTZ001 (that is the point)
    assert contact_activity("viewed", datetime(2024, 5, 1, tzinfo=UTC))["time"] == "2024-05-01T00:00:00Z"


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(ValueError, match="more than 100 levels"):
        upsert_contact(identifiers={}, attributes={"ring": ring})
