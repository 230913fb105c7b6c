"""Recharge: customers, subscriptions, addresses, orders, charges and one-time products.

A person is known by `recharge_id` (Recharge's customer number) and by e-mail. Recharge wraps what it sends
in its name: {"subscription": {…}}. `NOUNS` at the end says which function takes which.
"""

from gateway.toolbox import (
    Ignore, contact_activity, create_contact_activities, get_path, money, normalize_email, normalize_phone, order_item,
    parse_time, upsert_contact, upsert_order, upsert_supplement_records, verify_recharge,
)


def authenticate(request, context):
    return verify_recharge(request, context.secrets["signing_secret"])


def transform(request, context):
    topic = request.headers.get("X-Recharge-Topic", "")
    body = request.json
    noun = noun_of(topic, body)
    if noun not in NOUNS:
        raise Ignore(f"{topic or noun or 'no topic'}: says nothing about a person")
    if topic.endswith("/deleted"):
        raise Ignore(f"{topic}: deleted at Recharge: what is known here stays; to forget a person, erase the contact")
    thing = body[noun] if isinstance(body.get(noun), dict) else body
    zone = context.settings["zone"]
    at = time_of(thing.get("updated_at"), zone) or time_of(thing.get("created_at"), zone) or request.received_at
    return NOUNS[noun](thing, at, context.settings, topic)


def noun_of(topic, body):
    """The topic says it; where a proxy lost that header, the name around the body does."""
    if topic:
        return topic.split("/")[0]
    return list(body)[0] if isinstance(body, dict) and len(body) == 1 else ""


def customer(thing, at, settings, topic):
    contact = person(settings, thing.get("id"), thing.get("email"), thing.get("phone") or thing.get("billing_phone"))
    # Some versions of the API leave fields out, so nothing is cleared.
    found = {
        **chosen(thing, ("first_name", "last_name", "subscriptions_active_count", "subscriptions_total_count")),
        "phone_number": phone_text(thing.get("phone") or thing.get("billing_phone"), None),
    }
    yield upsert_contact(**contact, attributes=chosen(found, found), merge_allowed=True, occurred_at=at)


def address(thing, at, settings, topic):
    country = thing.get("country_code")
    phone = phone_text(thing.get("phone"), country)
    contact = person(settings, thing.get("customer_id"), None, phone)
    found = {
        "phone_number": phone,
        "company": thing.get("company"),
        "location.city": thing.get("city"),
        "location.region": thing.get("province"),
        "location.postal_code": thing.get("zip"),
        "location.country_code": country,
    }
    yield upsert_contact(**contact, attributes=chosen(found, found), merge_allowed=True, occurred_at=at)


def subscription(thing, at, settings, topic):
    contact = person(settings, thing.get("customer_id"), thing.get("email"))
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    yield record(contact, "recharge_subscriptions", thing, at, SUBSCRIPTION_FIELDS)
    if topic in ACTIVITIES:
        yield activity(contact, ACTIVITIES[topic], at, chosen(thing, ("id", *SUBSCRIPTION_FIELDS)))


def onetime(thing, at, settings, topic):
    contact = person(settings, thing.get("customer_id"))
    yield record(contact, "recharge_onetimes", thing, at, ONETIME_FIELDS)


def charge(thing, at, settings, topic):
    contact = buyer(thing, settings)
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    yield record(contact, "recharge_charges", thing, at, CHARGE_FIELDS)
    if topic in ACTIVITIES:
        yield activity(contact, ACTIVITIES[topic], at, chosen(thing, ("id", *CHARGE_FIELDS)))


def order(thing, at, settings, topic):
    """The shop tells the same order under the shop's number: connect only one of the two where sums count."""
    if not thing.get("id") or not isinstance(thing.get("line_items"), list):
        raise Ignore("an order without its number or its items")
    contact = buyer(thing, settings)
    names = thing.get("billing_address") or thing.get("shipping_address") or {}
    yield upsert_contact(
        **contact, attributes=chosen(names, ("first_name", "last_name")), merge_allowed=True, occurred_at=at
    )
    zone = settings["zone"]
    yield upsert_order(
        contact=contact,
        order_id=thing["id"],
        purchase_date=time_of(thing.get("processed_at"), zone) or time_of(thing.get("created_at"), zone) or at,
        status=(thing.get("status") or "unknown").lower(),
        items=[bought(line) for line in thing["line_items"] if quantity(line)],
        total_amount=amount(thing.get("total_price")),
        tax=amount(thing.get("total_tax")),
        properties={**chosen(thing, ORDER_FIELDS), "shop_order_id": get_path(thing, "external_order_id.ecommerce")},
        occurred_at=at,
    )


# Who it is.


def person(settings, number, email=None, phone=None):
    key = settings["identifier_key"]
    by_phone = phone_of(phone) if settings["identify_by_phone"] else None
    named = {key: number, "email": email_of(email), "phone": by_phone}
    identifiers = chosen(named, named)
    if not identifiers:
        raise Ignore("nobody is named: neither a customer's number nor an e-mail address")
    return {"identifiers": identifiers, "identifiers_priority": [key, "email"]}


def buyer(thing, settings):
    known = thing.get("customer") or {}  # since 2021-11; before, the fields stood in the order itself
    return person(settings, known.get("id") or thing.get("customer_id"), known.get("email") or thing.get("email"))


# What it is about.


def bought(line):
    name = line.get("title") or line.get("product_title") or "(no title)"
    product = get_path(line, "external_product_id.ecommerce") or line.get("shopify_product_id")
    return order_item(
        product or f"custom:{name}"[:250],
        line.get("sku") or "",
        name,
        item_price=amount(line.get("unit_price") or line.get("price")),
        qty=quantity(line),
        properties=chosen(line, ("variant_title", "subscription_id", "purchase_item_id")),
    )


def quantity(line):
    count = line.get("quantity")
    return count if isinstance(count, int) and count > 0 else 0


def record(contact, supplement, thing, at, fields):
    if not thing.get("id"):
        raise Ignore(f"{supplement}: a record without an id")
    products = {
        "product_id": get_path(thing, "external_product_id.ecommerce") or thing.get("shopify_product_id"),
        "variant_id": get_path(thing, "external_variant_id.ecommerce") or thing.get("shopify_variant_id"),
    }
    entry = {"id": thing["id"], **chosen(thing, fields), **chosen(products, products), "updated_at": at}
    return upsert_supplement_records(
        contact=contact, supplement=supplement, records=[entry], updated_date_field="updated_at", occurred_at=at
    )


def activity(contact, name, at, properties):
    return create_contact_activities(
        contact={**contact, "can_be_created": True, "merge_options": {"merge_allowed": True}},
        activities=[contact_activity(name, at, properties)],
        occurred_at=at,
    )


# Small readers: what cannot be read is None, never an error.


def chosen(thing, fields):
    return {name: thing[name] for name in fields if thing.get(name) not in (None, "", [], {})}


def email_of(text):
    return normalize_email(text) if isinstance(text, str) else None


def phone_of(text, country=None):
    try:
        return normalize_phone(text, country)
    except (TypeError, ValueError):
        return None


def phone_text(text, country):
    return phone_of(text, country) or text or None


def amount(value):
    try:
        return money(value)
    except (TypeError, ValueError):
        return None


def time_of(value, zone):
    try:
        return parse_time(value, zone=zone)
    except (TypeError, ValueError):
        return None


SUBSCRIPTION_FIELDS = (
    "status", "product_title", "variant_title", "sku", "price", "presentment_currency", "quantity", "created_at",
    "order_interval_unit", "order_interval_frequency", "charge_interval_frequency", "next_charge_scheduled_at",
    "cancelled_at", "cancellation_reason",
)
ONETIME_FIELDS = ("product_title", "variant_title", "sku", "price", "quantity", "next_charge_scheduled_at")
CHARGE_FIELDS = (
    "status", "type", "currency", "total_price", "total_tax", "total_refunds", "scheduled_at", "processed_at", "error",
    "error_type", "retry_date", "created_at",
)
ORDER_FIELDS = ("type", "currency", "subtotal_price", "total_discounts", "tags")

ACTIVITIES = {
    "subscription/created": "Subscription Created",
    "subscription/activated": "Subscription Activated",
    "subscription/cancelled": "Subscription Cancelled",
    "subscription/skipped": "Subscription Skipped",
    "subscription/unskipped": "Subscription Unskipped",
    "subscription/swapped": "Subscription Swapped",
    "charge/paid": "Charge Paid",
    "charge/failed": "Charge Failed",
    "charge/max_retries_reached": "Charge Retries Ended",
    "charge/refunded": "Charge Refunded",
    "charge/upcoming": "Charge Upcoming",
}

NOUNS = {
    "customer": customer,
    "address": address,
    "subscription": subscription,
    "onetime": onetime,
    "charge": charge,
    "order": order,
}
