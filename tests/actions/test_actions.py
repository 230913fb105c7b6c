"""What an action may look like: every example of the seed, both spellings, and errors that point."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway.actions import ACTION_NAMES, parse_action, parse_actions
from gateway.errors import BadRequest, Unprocessable

CONTACT = {"identifiers": {"email": "test@example.com"}}
ITEM = {"productID": "p1", "sku": "", "name": "Ring"}

# The examples of the API that the actions were asked from, as JSON (the original is not: single quotes, lost commas).
SEED: dict[str, dict[str, Any]] = {
    "upsertContact": {
        "source": "api.example.com",
        "identifiers": {"customId": "test-user", "email": "test@example.com", "channels.phone.address": "+1234567890"},
        "identifiersPriority": ["customId", "email", "phone"],
        "attributes": {
            "channels.email.subscribeStatus": "subscribed",
            "array": [1, 2, 3],
            "number": 2,
            "location.postal_code": "92613",
            "email": "new@example.com",
            "customId": "test-user",
            "LISTNAME": False,
        },
        "forceSubscribe": True,
        "mergeOptions": {"mergeAllowed": True, "mergeableSecondaryKeys": ["email"]},
    },
    "createContactactivities": {
        "source": "api.example.com",
        "contact": {
            "identifiers": {"customId": "test-user", "email": "test@example.com"},
            "identifiersPriority": ["customId", "email", "phone"],
            "attributes": {"required_attribute": "my-cool-attr"},
            "forceSubscribe": False,
            "mergeOptions": {"mergeAllowed": True, "mergeableSecondaryKeys": ["email"]},
            "canBeCreated": True,
            "canBeUpdated": False,
        },
        "contactActivities": [
            {
                "name": "pageView",
                "time": "2023-02-01T14:29:03+00:00",
                "properties": {"first": "test", "number": 2, "url": "/academy/"},
                "geo": {"city": "San Francisco", "geoLoc": {"lat": 40.2964197, "lon": -76.9411617}},
                "device": {"type": "mobile", "robot": False},
            }
        ],
    },
    "addContactsToList": {
        "source": "api.example.com",
        "contacts": {
            "identifiers": [{"custom_id": "test-user", "email": "test@example.com"}, {"email": "another@example.com"}],
            "identifiersPriority": ["custom_id", "email"],
        },
        "listName": "MyList",
        "isAllowedToCreateLists": True,
    },
    "removeContactsFromList": {
        "source": "api.example.com",
        "contacts": {"identifiers": [{"custom_id": "test-user"}, {"email": "another@example.com"}]},
        "identifyListBy": {"name": "test-list", "segment_group_id": "777"},
    },
    "upsertOrder": {
        "source": "api.example.com",
        "contact": {
            "identifiers": {"segment_id": "test-user", "email": "test@example.com"},
            "identifiersPriority": ["segment_id", "email"],
        },
        "orderID": "test-order-id",
        "purchaseDate": "2022-04-29T09:00:23+00:00",
        "status": "Order Completed",
        "totalAmount": 623.32,
        "tax": 42.76,
        "properties": {"affiliation": "Google"},
        "removeItemsFromCart": True,
        "items": [
            {
                "productID": "test-product-id",
                "sku": "test-sku",
                "name": "test-product-name",
                "category": "test-category",
                "manufacturerName": "test-brand",
                "itemPrice": 23.54,
                "qty": 2,
                "url": "https://example.com/product",
                "images": ["https://cdn.example.com/product.jpg"],
                "properties": {"variant": "black", "size": "xs"},
                "attr": [],
            }
        ],
    },
    "upsertSupplementRecords": {
        "source": "api.example.com",
        "contact": {"identifiers": {"email": "test@example.com"}, "identifiersPriority": ["email"]},
        "supplement": "recharge_subscriptions",
        "updatedDateField": "updated_at",
        "records": [
            {"id": 266787835, "product_title": "Silver-Gold ring", "updated_at": "2022-08-02T16:27:41+00:00"},
            {"id": 266787836, "properties": {"is_prepaid": True}, "updated_at": "2022-08-02T16:27:41+00:00"},
        ],
    },
    "addProductsToCart": {
        "source": "api.example.com",
        "contact": {"identifiers": {"email": "test@example.com"}, "identifiersPriority": ["email"]},
        "items": [
            {
                "productID": "507f1f77bcf86cd799439011",
                "sku": "G-32",
                "qty": 1,
                "category": "Games",
                "name": "Monopoly: 3rd Edition",
                "description": "Best game ever!",
                "itemPrice": 18.99,
                "properties": {"coupon": "MAYDEALS", "variant": "200 pieces"},
                "attr": [],
            }
        ],
    },
    "removeProductsFromCart": {
        "source": "api.example.com",
        "contact": {"identifiers": {"custom_id": "test-user", "email": "test@example.com"}},
        "items": [{"productID": "507f1f77bcf86cd799439011", "qty": 1}, {"productID": "7994fas21", "qty": 5}],
    },
}


def parse(name: str, **fields: Any) -> Any:
    return parse_action(name, orjson.dumps(fields))


def faults(name: str, **fields: Any) -> dict[str, str]:
    with pytest.raises(Unprocessable) as caught:
        parse(name, **fields)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def order(**fields: Any) -> dict[str, Any]:
    base = {"contact": CONTACT, "orderID": "1", "purchaseDate": "2026-01-01T00:00:00Z", "status": "paid"}
    return {**base, "items": [ITEM], **fields}


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_every_example_of_the_seed_is_accepted_alone_and_in_an_array(name: str) -> None:
    alone = parse(name, **SEED[name])
    (within,) = parse_actions(orjson.dumps([{"action": name, **SEED[name]}]))
    assert alone == within
    assert alone.origin == "api.example.com"


def test_there_are_eight_actions_and_the_seed_shows_each() -> None:
    assert set(ACTION_NAMES) == set(SEED)
    assert len(ACTION_NAMES) == 8


@pytest.mark.parametrize(
    ("spelled", "stored"),
    [
        ("customID", "customId"),
        ("custom_id", "customId"),
        ("channels.email.address", "email"),
        ("channels.phone.address", "phone"),
        ("shopify_id", "shopify_id"),
    ],
)
def test_identifier_keys_have_one_stored_spelling_also_in_the_priority(spelled: str, stored: str) -> None:
    contact = parse("upsertContact", identifiers={spelled: "x"}, identifiersPriority=[spelled])
    assert contact.identifiers == {stored: "x"}
    assert contact.priority == [stored]


def test_identifier_values_are_trimmed_text_and_blank_ones_are_dropped() -> None:
    given = {"email": " Ann@Example.COM ", "customId": 727, "phone": "+1 (201) 555-0123", "x": "  ", "y": None}
    assert parse("upsertContact", identifiers=given).identifiers == {
        "email": "ann@example.com",
        "customId": "727",
        "phone": "+12015550123",
    }


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {"a": 1}])
def test_an_identifier_that_is_no_text_or_integer_is_refused(value: Any) -> None:
    assert "/identifiers" in faults("upsertContact", identifiers={"customId": value})


def test_without_any_identifier_the_error_names_the_place() -> None:
    assert "no identifier has a value" in faults("upsertContact", identifiers={"email": ""})["/identifiers"]


def test_attributes_flatten_objects_and_keep_arrays_whole() -> None:
    attributes = parse(
        "upsertContact", **CONTACT, attributes={"a": {"b": {"c": 1}}, "l": [{"x": 1}], "n": None}
    ).attributes
    assert attributes == {"a.b.c": 1, "l": [{"x": 1}], "n": None}


def test_a_subscribe_status_is_one_of_two_words() -> None:
    assert "/attributes" in faults("upsertContact", **CONTACT, attributes={"channels.email.subscribeStatus": "yes"})


def test_the_order_takes_both_spellings_of_its_two_double_names() -> None:
    one = parse("upsertOrder", **order(removeItemsFromCart=False, items=[{**ITEM, "attr": {"c": 1}}]))
    two = parse("upsertOrder", **order(shouldRemoveItemsFromCart=False, items=[{**ITEM, "attributes": {"c": 1}}]))
    assert one == two
    assert one.takes_from_cart is False


def test_lists_take_contact_or_contacts_and_one_or_many_identifiers() -> None:
    one = parse("addContactsToList", contact={"identifiers": {"email": "a@example.com"}}, listName="VIP")
    many = parse("addContactsToList", contacts={"identifiers": [{"email": "a@example.com"}]}, listName="VIP")
    assert one == many


def test_a_list_is_named_once_by_one_of_its_two_ways() -> None:
    assert faults("removeContactsFromList", contacts=CONTACT) == {
        "": "name the list by listIdentifier, or by identifyListBy: one of the two"
    }
    assert parse("removeContactsFromList", contacts=CONTACT, listIdentifier="VIP").list_name == "VIP"
    assert parse("removeContactsFromList", contacts=CONTACT, identifyListBy={"gid": "7"}).list_name == "gid:7"


def test_money_is_decimal_and_never_a_float() -> None:
    parsed = parse("upsertOrder", **order(totalAmount=623.32, tax="42.76", items=[{**ITEM, "itemPrice": 0.1}]))
    assert (parsed.total, parsed.tax, parsed.items[0].price) == (Decimal("623.32"), Decimal("42.76"), Decimal("0.1"))


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00", 1767225600, "yesterday"])
def test_a_time_without_a_zone_or_as_a_number_is_refused(time: Any) -> None:
    assert "/occurredAt" in faults("upsertContact", **CONTACT, occurredAt=time)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_calendar_has_in_utc_is_refused_by_the_name_of_its_field(time: str) -> None:
    outside = "is outside the years 1 to 9999 in UTC"
    visit = {"name": "visit", "time": time}
    assert outside in faults("upsertContact", **CONTACT, occurredAt=time)["/occurredAt"]
    assert outside in faults("upsertOrder", **order(purchaseDate=time))["/purchaseDate"]
    activities = {"contact": CONTACT, "contactActivities": [visit]}
    assert outside in faults("createContactactivities", **activities)["/contactActivities/0/time"]
    records = {"updatedDateField": "at", "records": [{"id": 1, "at": time}]}
    assert faults("upsertSupplementRecords", contact=CONTACT, supplement="s", **records) == {
        "": "record 0: at is not a time with a zone"
    }


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T14:00:00+14:00"])
def test_the_first_and_the_last_moment_of_the_calendar_are_times(time: str) -> None:
    assert parse("upsertContact", **CONTACT, occurredAt=time).occurred_at == datetime.fromisoformat(time)


def test_a_time_keeps_its_instant_whatever_its_zone() -> None:
    parsed = parse("upsertContact", **CONTACT, occurredAt="2026-01-01T02:00:00+02:00")
    assert parsed.occurred_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_required_texts_may_be_empty_but_ids_and_names_may_not() -> None:
    assert parse("upsertOrder", **order(status="")).items[0].sku == ""
    found = faults("upsertOrder", **order(orderID=" ", items=[{"productID": "", "sku": "", "name": ""}]))
    assert set(found) == {"/orderID", "/items/0/productID", "/items/0/name"}


@pytest.mark.parametrize("qty", [0, -1, 1.5, "many"])
def test_a_quantity_is_a_whole_number_of_one_or_more(qty: Any) -> None:
    assert set(faults("removeProductsFromCart", contact=CONTACT, items=[{"productID": "p", "qty": qty}])) == {
        "/items/0/qty"
    }


def test_unknown_fields_are_refused_at_every_level() -> None:
    found = faults("upsertOrder", **order(colour="red", items=[{**ITEM, "weight": 1}], contact={**CONTACT, "age": 3}))
    assert found == dict.fromkeys(("/colour", "/items/0/weight", "/contact/age"), "no such field")


@pytest.mark.parametrize(("given", "stored"), [({"a": 1}, {"a": 1}), ([1], [1]), ([], {}), (None, None)])
def test_a_document_is_an_object_or_an_array_and_an_empty_array_is_an_empty_object(given: Any, stored: Any) -> None:
    assert (parse("upsertOrder", **order(properties=given)).properties or None) == (stored or None)


def test_a_document_that_is_neither_is_told_once() -> None:
    assert faults("upsertOrder", **order(properties=5)) == {"/properties": "is an object or an array"}


def test_a_supplement_record_that_cannot_be_dated_is_refused() -> None:
    records = [{"id": 1, "at": "2026-01-01T00:00:00Z"}, {"id": 2, "at": "soon"}]
    found = faults("upsertSupplementRecords", contact=CONTACT, supplement="s", updatedDateField="at", records=records)
    assert found == {"": "record 1: at is not a time with a zone"}


def test_in_an_array_the_pointer_begins_with_the_index_and_not_the_branch() -> None:
    raw = orjson.dumps(
        [{"action": "upsertContact", **CONTACT}, {"action": "upsertOrder", **order(orderID="")}, {"action": "no"}, {}]
    )
    with pytest.raises(Unprocessable) as caught:
        parse_actions(raw)
    pointers = [fault.pointer for fault in caught.value.faults]
    assert pointers == ["/1/orderID", "/2", "/3"]
    assert "no such action" in caught.value.faults[1].detail


def test_a_slash_in_a_name_is_escaped_in_the_pointer() -> None:
    assert "/a~1b~0c" in faults("upsertContact", **CONTACT, **{"a/b~c": 1})


def test_what_is_not_json_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="Invalid JSON"):
        parse_actions(b'[{"action"')


def test_an_error_never_repeats_what_was_sent() -> None:
    with pytest.raises(Unprocessable) as caught:
        parse("upsertContact", identifiers={"email": "a@example.com"}, occurredAt="4111111111111111")
    assert "4111" not in str(caught.value)
