"""Builders: the eight actions, written as Python calls.

Takes snake_case keywords, gives a plain dict in the wire form of the API (`{"action": "upsertContact", …}`) with only
the fields that were given: None means "not given". Times become ISO text, decimals become text. Never checks
more than the names of fields: what an action needs is checked once, outside the sandbox.

Everywhere: `contact` is {"identifiers": {"email": …, "shopify_id": …}} and may have "identifiers_priority", a list of
keys; `source` is a label of the origin (default: the source's name); `occurred_at` says when it happened, a time
with a zone (default: the manifest's, else when the request was received).
"""

from typing import Any

from gateway.toolbox.wire import (
    REFERENCE,
    WHOLE_CONTACT,
    Amount,
    Fields,
    Moment,
    contact_fields,
    given,
    id_text,
    merge_fields,
)


def upsert_contact(
    *,
    identifiers: Fields,
    identifiers_priority: list[str] | None = None,
    attributes: Fields | None = None,
    force_subscribe: bool | None = None,
    merge_options: Fields | None = None,
    merge_allowed: bool | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Create a contact or write attributes of the one that is there.

    `identifiers` names the contact ({"email": …}; blank ones are dropped later); attributes: None clears, nested
    dicts become dotted names, lists are whole. `merge_allowed=True` is short for merge_options={"merge_allowed":
    True}. `force_subscribe` is needed to go from unsubscribed to subscribed. TypeError for a field that does not
    exist. Example: `upsert_contact(identifiers={"email": "jo@example.com"}, attributes={"first_name": "Jo"},
    merge_allowed=True)`.
    """
    return given(
        action="upsertContact",
        identifiers=identifiers,
        identifiersPriority=identifiers_priority,
        attributes=attributes,
        forceSubscribe=force_subscribe,
        mergeOptions=merge_fields(merge_options, merge_allowed),
        source=source,
        occurredAt=occurred_at,
    )


def create_contact_activities(
    *,
    contact: Fields,
    activities: list[dict[str, Any]],
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Record what a contact did.

    `activities` are made with `contact_activity`. `contact` may also have "attributes", "force_subscribe",
    "merge_options", "can_be_created" (default False: the event waits for the contact) and "can_be_updated" (default
    False). Example: `create_contact_activities(contact=person, activities=[contact_activity("viewed",
    request.received_at)])`.
    """
    return given(
        action="createContactactivities",
        contact=contact_fields(contact, WHOLE_CONTACT),
        contactActivities=activities,
        source=source,
        occurredAt=occurred_at,
    )


def add_contacts_to_list(
    *,
    contacts: Fields,
    list_name: str,
    is_allowed_to_create_lists: bool | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Put contacts on a list.

    `contacts` is {"identifiers": {…}} or {"identifiers": [{…}, {…}]}. The list is made where there is none, unless
    `is_allowed_to_create_lists=False`. Example: `add_contacts_to_list(contacts=contact, list_name="newsletter")`.
    """
    return given(
        action="addContactsToList",
        contacts=contact_fields(contacts, REFERENCE),
        listName=list_name,
        isAllowedToCreateLists=is_allowed_to_create_lists,
        source=source,
        occurredAt=occurred_at,
    )


def remove_contacts_from_list(
    *,
    contacts: Fields,
    list_identifier: str | None = None,
    list_identifier_key: str | None = None,
    identify_list_by: Fields | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Take contacts off a list.

    Name the list by `list_identifier` (its name, or what `list_identifier_key` says), or by `identify_list_by`, a
    dict such as {"segment_group_id": "777"}. Example: `remove_contacts_from_list(contacts=contact,
    list_identifier="newsletter")`.
    """
    return given(
        action="removeContactsFromList",
        contacts=contact_fields(contacts, REFERENCE),
        listIdentifier=list_identifier,
        listIdentifierKey=list_identifier_key,
        identifyListBy=identify_list_by,
        source=source,
        occurredAt=occurred_at,
    )


def upsert_order(
    *,
    contact: Fields,
    order_id: str | int,
    purchase_date: Moment,
    status: str,
    items: list[dict[str, Any]],
    total_amount: Amount | None = None,
    tax: Amount | None = None,
    properties: Fields | list[Any] | None = None,
    should_remove_items_from_cart: bool | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Write an order; an order is known by its origin and its id.

    `items` are made with `order_item`. The items leave the contact's cart unless
    `should_remove_items_from_cart=False`. Amounts are best read with `money`. Example:
    `upsert_order(contact=person, order_id=727, purchase_date=t, status="paid", items=[…])`.
    """
    return given(
        action="upsertOrder",
        contact=contact_fields(contact, REFERENCE),
        orderID=id_text(order_id),
        purchaseDate=purchase_date,
        status=status,
        items=items,
        totalAmount=total_amount,
        tax=tax,
        properties=properties,
        shouldRemoveItemsFromCart=should_remove_items_from_cart,
        source=source,
        occurredAt=occurred_at,
    )


def upsert_supplement_records(
    *,
    contact: Fields,
    supplement: str,
    records: list[dict[str, Any]],
    updated_date_field: str | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Write records that belong to a contact; each has an "id" and any other fields.

    `updated_date_field` names the field of a record that says how new it is: older ones then never overwrite newer
    ones. Example: `upsert_supplement_records(contact=person, supplement="subscriptions", records=[{"id": 7, "plan":
    "gold"}])`.
    """
    return given(
        action="upsertSupplementRecords",
        contact=contact_fields(contact, REFERENCE),
        supplement=supplement,
        updatedDateField=updated_date_field,
        records=records,
        source=source,
        occurredAt=occurred_at,
    )


def add_products_to_cart(
    *,
    contact: Fields,
    items: list[dict[str, Any]],
    is_whole_cart: bool | None = None,
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Put products into a contact's cart.

    `items` are made with `cart_item` and need sku, name and category here. `is_whole_cart=True`: these are all that
    is in it. Example: `add_products_to_cart(contact=person, items=[cart_item("p1", 2, sku="S", name="Cup",
    category="Kitchen")])`.
    """
    return given(
        action="addProductsToCart",
        contact=contact_fields(contact, REFERENCE),
        items=items,
        isWholeCart=is_whole_cart,
        source=source,
        occurredAt=occurred_at,
    )


def remove_products_from_cart(
    *,
    contact: Fields,
    items: list[dict[str, Any]],
    source: str | None = None,
    occurred_at: Moment | None = None,
) -> dict[str, Any]:
    """Take products out of a contact's cart.

    Example: `remove_products_from_cart(contact=person, items=[cart_item("p1", 1)])`.
    """
    return given(
        action="removeProductsFromCart",
        contact=contact_fields(contact, REFERENCE),
        items=items,
        source=source,
        occurredAt=occurred_at,
    )
