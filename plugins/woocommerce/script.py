"""WooCommerce: orders and customers of a shop.

A person is known by `woocommerce_id` (the shop's customer number) and by e-mail; guests only by e-mail.
`TOPICS` at the end says which function takes which topic.
"""

from gateway.toolbox import (
    Answer, Ignore, money, normalize_email, normalize_phone, order_item, parse_time, upsert_contact, upsert_order,
    upsert_supplement_records, verify_woocommerce,
)


def authenticate(request, context):
    # When a webhook is saved, WooCommerce sends "webhook_id=7", unsigned, and wants a 200 before it switches it on.
    if request.body.startswith(b"webhook_id=") and len(request.body) < 50:
        raise Answer("ok")
    return verify_woocommerce(request, context.secrets["signing_secret"])


def transform(request, context):
    topic = request.headers.get("X-WC-Webhook-Topic", "")
    if topic not in TOPICS:
        raise Ignore(IGNORED.get(topic, f"{topic or 'no topic'}: says nothing about a person"))
    body = request.json
    if not isinstance(body, dict):
        raise Ignore(f"{topic}: the body is not an object")
    # The API's old version 3 wraps what it sends: {"order": {…}}.
    thing = body.get(topic.split(".")[0])
    thing = thing if isinstance(thing, dict) else body
    at = modified_at(thing, context.settings) or request.received_at
    return TOPICS[topic](thing, at, context.settings)


def customer(thing, at, settings):
    billing = address(thing, "billing")
    contact = person(settings, thing.get("id"), thing.get("email") or billing.get("email"), billing)
    attributes = {
        "first_name": thing.get("first_name") or billing.get("first_name") or None,
        "last_name": thing.get("last_name") or billing.get("last_name") or None,
        "username": thing.get("username") or None,
        **place_of(billing),
        # Left out of the API's newer versions: no reason to clear what is known.
        **chosen(thing, ("orders_count", "total_spent")),
    }
    yield upsert_contact(**contact, attributes=attributes, merge_allowed=True, occurred_at=at)


def order(thing, at, settings):
    if not thing.get("id") or not isinstance(thing.get("line_items"), list):
        raise Ignore("an order without its number or its items")
    billing = address(thing, "billing")
    email = (thing.get("customer") or {}).get("email") or billing.get("email")
    contact = person(settings, thing.get("customer_id"), email, billing)
    found = {**chosen(billing, ("first_name", "last_name")), **place_of(billing)}
    yield upsert_contact(**contact, attributes=chosen(found, found), merge_allowed=True, occurred_at=at)
    coupons = [line["code"] for line in thing.get("coupon_lines") or [] if line.get("code")]
    yield upsert_order(
        contact=contact,
        order_id=thing["id"],
        purchase_date=created_at(thing, settings) or at,
        status=thing.get("status") or "unknown",
        items=[bought(line) for line in thing["line_items"] if quantity(line)],
        total_amount=amount(thing.get("total")),
        tax=amount(thing.get("total_tax")),
        properties={**chosen(thing, ORDER_FIELDS), **chosen({"coupons": coupons}, ["coupons"])},
        occurred_at=at,
    )


def subscription(thing, at, settings):
    """The extension WooCommerce Subscriptions writes a subscription like an order; it is kept as a record."""
    if not thing.get("id"):
        raise Ignore("a subscription without its number")
    billing = address(thing, "billing")
    contact = person(settings, thing.get("customer_id"), billing.get("email"), billing)
    record = {"id": thing["id"], **chosen(thing, SUBSCRIPTION_FIELDS), "updated_at": at}
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    yield upsert_supplement_records(
        contact=contact,
        supplement="woocommerce_subscriptions",
        records=[record],
        updated_date_field="updated_at",
        occurred_at=at,
    )


def person(settings, number, email, billing):
    """Name somebody by customer number and e-mail. A guest has the number 0: that is nobody's."""
    key = settings["identifier_key"]
    phone = phone_of(billing.get("phone"), billing.get("country"))
    by_phone = phone if settings["identify_by_phone"] else None
    named = {key: number, "email": email_of(email), "phone": by_phone}
    identifiers = {name: value for name, value in named.items() if value}
    if not identifiers:
        raise Ignore("a guest without an e-mail address")
    return {"identifiers": identifiers, "identifiers_priority": [key, "email"]}


def address(thing, name):
    return thing.get(name) or thing.get(f"{name}_address") or {}


def place_of(billing):
    phone = billing.get("phone") or None
    return {
        "phone_number": phone_of(phone, billing.get("country")) or phone,
        "company": billing.get("company") or None,
        "location.city": billing.get("city") or None,
        "location.region": billing.get("state") or None,
        "location.postal_code": billing.get("postcode") or None,
        "location.country_code": billing.get("country") or None,
    }


def bought(line):
    image = line.get("image") or {}
    return order_item(
        line.get("product_id") or f"custom:{line.get('name')}"[:250],
        line.get("sku") or "",
        line.get("name") or "(no name)",
        item_price=amount(line.get("price")),
        qty=quantity(line),
        images=[image["src"]] if image.get("src") else None,
        properties=chosen(line, ("variation_id", "total", "total_tax", "parent_name")),
    )


def quantity(line):
    count = line.get("quantity")
    return int(count) if isinstance(count, (int, float)) and count >= 1 else 0


def modified_at(thing, settings):
    """The fields that end in _gmt are UTC without saying so; the others are in the shop's own zone."""
    return (
        time_of(thing.get("date_modified_gmt"), "UTC")
        or time_of(thing.get("updated_at"), "UTC")
        or time_of(thing.get("date_modified"), settings["zone"])
        or created_at(thing, settings)
    )


def created_at(thing, settings):
    return (
        time_of(thing.get("date_created_gmt"), "UTC")
        or time_of(thing.get("created_at"), "UTC")
        or time_of(thing.get("date_created"), settings["zone"])
    )


# Small readers: what cannot be read is None, never an error.


def chosen(thing, fields):
    return {name: thing[name] for name in fields if thing.get(name) not in (None, "", 0, [], {})}


def email_of(text):
    return normalize_email(text) if isinstance(text, str) else None


def phone_of(text, country=None):
    try:
        return normalize_phone(text, country or None)
    except (TypeError, ValueError):
        return None


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


ORDER_FIELDS = (
    "number", "currency", "discount_total", "shipping_total", "payment_method_title", "created_via", "customer_note",
    "date_paid_gmt", "date_completed_gmt",
)
SUBSCRIPTION_FIELDS = (
    "status", "currency", "total", "billing_period", "billing_interval", "start_date_gmt", "next_payment_date_gmt",
    "cancelled_date_gmt", "end_date_gmt",
)

TOPICS = {
    "customer.created": customer,
    "customer.updated": customer,
    "order.created": order,
    "order.updated": order,
    "order.restored": order,
    "subscription.created": subscription,
    "subscription.updated": subscription,
}

IGNORED = {
    "customer.deleted": "deleted in the shop: to forget the person here too, erase the contact (contacts erase)",
    "order.deleted": "a deletion names only the order's number: the order stays as it was",
    "refund.created": "a refund names only its order: order.updated brings the whole order",
}
