"""Examples: one valid body for each of the eight actions, about one person."""

from typing import Any

ITEM = {"productID": "p1", "sku": "s1", "name": "Ring", "qty": 1, "category": "Rings", "itemPrice": 19.90}


def bodies(email: str) -> dict[str, dict[str, Any]]:
    contact = {"identifiers": {"email": email}}
    return {
        "upsertContact": {**contact, "attributes": {"first_name": "Ann"}},
        "createContactactivities": {
            "contact": contact,
            "contactActivities": [{"name": "pageView", "time": "2026-01-01T10:00:00Z", "properties": {"url": "/"}}],
        },
        "addContactsToList": {"contacts": contact, "listName": "VIP"},
        "removeContactsFromList": {"contacts": contact, "listIdentifier": "VIP"},
        "upsertOrder": {
            "contact": contact,
            "orderID": f"order of {email}",
            "purchaseDate": "2026-01-01T10:00:00Z",
            "status": "paid",
            "totalAmount": 19.90,
            "items": [ITEM],
            "removeItemsFromCart": False,
        },
        "upsertSupplementRecords": {"contact": contact, "supplement": "subs", "records": [{"id": 1, "plan": "gold"}]},
        "addProductsToCart": {"contact": contact, "items": [{**ITEM, "qty": 3}]},
        "removeProductsFromCart": {"contact": contact, "items": [{"productID": "p1", "qty": 1}]},
    }
