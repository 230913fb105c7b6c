"""Shopify: customers and their consent, orders, checkouts, drafts, shipments, tags, segments, subscriptions.

A person is known by `shopify_id` (the customer's number) and by e-mail. Each topic has a function that takes
the body, the time it speaks of and the source's settings; `TOPICS` at the end says which.
"""

from gateway.toolbox import (
    Ignore, add_contacts_to_list, add_products_to_cart, cart_item, contact_activity, create_contact_activities, money,
    normalize_email, normalize_phone, order_item, parse_time, remove_contacts_from_list, upsert_contact, upsert_order,
    upsert_supplement_records, verify_shopify,
)


def authenticate(request, context):
    return verify_shopify(request, context.secrets["signing_secret"])


def transform(request, context):
    topic = request.headers.get("X-Shopify-Topic", "")
    if topic not in TOPICS:
        raise Ignore(IGNORED.get(topic, f"{topic or 'no topic'}: says nothing about a person"))
    body = request.json
    if not isinstance(body, dict):
        raise Ignore(f"{topic}: the body is not an object")
    said = (body.get("updated_at"), body.get("occurredAt"), request.headers.get("X-Shopify-Triggered-At"))
    return TOPICS[topic](body, first_time(*said) or request.received_at, context.settings)


def customer(body, at, settings):
    contact = person(settings, body.get("id"), body.get("email"), body.get("phone"))
    yield upsert_contact(**contact, attributes=profile(body), merge_allowed=True, occurred_at=at)
    if body.get("email_marketing_consent"):
        yield from consent(contact, "email", body["email_marketing_consent"], at)
    elif body.get("accepts_marketing") is True:  # before 2022 there was only this; false may mean "never asked"
        since = first_time(body.get("accepts_marketing_updated_at")) or at
        yield from consent(contact, "email", {"state": "subscribed"}, since)
    yield from consent(contact, "sms", body.get("sms_marketing_consent"), at)


def marketing_consent(body, at, settings):
    contact = person(settings, body.get("customer_id") or body.get("id"), body.get("email_address"), body.get("phone"))
    channel = "email" if "email_marketing_consent" in body else "sms"
    # The customer's own act may undo an earlier unsubscribe; a profile that only repeats a state may not.
    said = list(consent(contact, channel, body.get(f"{channel}_marketing_consent"), at, force=True))
    if not said:
        raise Ignore("no consent is stated")
    return said


def purchasing_summary(body, at, settings):
    contact = person(settings, number_of(body.get("customerId")))
    spent = amount((body.get("amountSpent") or {}).get("amount"))
    found = {"orders_count": body.get("numberOfOrders"), "total_spent": spent}
    yield upsert_contact(**contact, attributes=chosen(found, found), occurred_at=at)


def joined(body, at, settings):
    contact = person(settings, number_of(body.get("customerId") or body.get("customer_id")))
    for name in lists_of(body, settings):
        yield add_contacts_to_list(contacts=contact, list_name=name, occurred_at=at)


def left(body, at, settings):
    contact = person(settings, number_of(body.get("customerId") or body.get("customer_id")))
    for name in lists_of(body, settings):
        yield remove_contacts_from_list(contacts=contact, list_identifier=name, occurred_at=at)


def order(body, at, settings):
    contact, get = buyer(body, settings), body.get
    if not get("id") or "line_items" not in body:
        raise Ignore("an order without its number or its items")
    yield upsert_contact(**contact, attributes=buyer_profile(body), merge_allowed=True, occurred_at=at)
    yield upsert_order(
        contact=contact,
        order_id=body["id"],
        purchase_date=first_time(get("processed_at"), get("created_at")) or at,
        status="cancelled" if get("cancelled_at") else get("financial_status") or "pending",
        items=[bought(line, count) for line, count in counted(body["line_items"])],
        total_amount=amount(get("total_price")),
        tax=amount(get("total_tax")),
        properties=chosen(body, ORDER_FIELDS),
        occurred_at=at,
    )


def cart(body, at, settings):
    contact = buyer(body, settings)
    # A checkout that was completed has become an order: nothing of it is left in the cart.
    lines = [] if body.get("completed_at") else body.get("line_items")
    yield upsert_contact(**contact, attributes=buyer_profile(body), merge_allowed=True, occurred_at=at)
    items = [wanted(line, count, body) for line, count in counted(lines)]
    yield add_products_to_cart(contact=contact, items=items, is_whole_cart=True, occurred_at=at)


def draft_order(body, at, settings):
    contact = buyer(body, settings)
    yield upsert_contact(**contact, attributes=buyer_profile(body), merge_allowed=True, occurred_at=at)
    yield record(contact, "shopify_draft_orders", body, at, DRAFT_FIELDS)


def subscription_contract(body, at, settings):
    contact = person(settings, body.get("customer_id"))
    yield record(contact, "shopify_subscription_contracts", body, at, CONTRACT_FIELDS)


def shipment(body, at, settings):
    contact = person(settings, None, body.get("email"))
    shipped = contact_activity("Order Fulfillment", at, chosen(body, SHIPMENT_FIELDS))
    yield create_contact_activities(contact={**contact, "can_be_created": True}, activities=[shipped], occurred_at=at)


def person(settings, number, email=None, phone=None):
    """Name somebody by the customer's number and e-mail; by phone only where the source is set so."""
    key = settings["identifier_key"]
    named = {key: number, "email": email_of(email), "phone": phone_of(phone) if settings["identify_by_phone"] else None}
    identifiers = chosen(named, named)
    if not identifiers:
        raise Ignore("nobody is named: neither a customer's number nor an e-mail address")
    return {"identifiers": identifiers, "identifiers_priority": [key, "email"]}


def buyer(body, settings):
    """Take the customer's own address before the one typed at the till: that may be somebody else's."""
    known = body.get("customer") or {}
    email = email_of(known.get("email")) or body.get("email") or body.get("contact_email")
    return person(settings, known.get("id"), email, known.get("phone") or body.get("phone"))


def profile(known):
    """All that a customer's own webhook says; what is empty there is cleared here."""
    place = known.get("default_address") or {}
    return {
        "first_name": known.get("first_name"),
        "last_name": known.get("last_name"),
        "phone_number": phone_text(known.get("phone") or place.get("phone"), place),
        "company": place.get("company"),
        "location.city": place.get("city"),
        "location.region": place.get("province_code") or place.get("province"),
        "location.postal_code": place.get("zip"),
        "location.country_code": place.get("country_code"),
        "account_state": known.get("state"),
        "tags": [tag.strip() for tag in (known.get("tags") or "").split(",") if tag.strip()],
        # The newer versions of Shopify's API tell these in customers/purchasing_summary only: no reason to clear them.
        **chosen(known, ("orders_count", "total_spent")),
    }


def buyer_profile(body):
    """What an order knows of its buyer: enough to fill in, never to clear."""
    known = body.get("customer") or {}
    place = body.get("billing_address") or body.get("shipping_address") or {}
    found = {
        "first_name": known.get("first_name") or place.get("first_name"),
        "last_name": known.get("last_name") or place.get("last_name"),
        "phone_number": phone_text(known.get("phone") or place.get("phone"), place),
        "language": body.get("customer_locale"),
    }
    return chosen(found, found)


def consent(contact, channel, stated, at, force=None):
    """Say what the customer said. Any other state ("not_subscribed", "pending" …) is neither yes nor no."""
    state = (stated or {}).get("state")
    if state in ("subscribed", "unsubscribed"):
        yield upsert_contact(
            **contact,
            attributes={f"channels.{channel}.subscribeStatus": state},
            force_subscribe=force if state == "subscribed" else None,
            merge_allowed=True,
            occurred_at=first_time(stated.get("consent_updated_at")) or at,
        )


def bought(line, count):
    product, sku, title, price, variant = told(line)
    return order_item(
        product, sku, title, manufacturer_name=line.get("vendor"), item_price=price, qty=count, properties=variant
    )


def wanted(line, count, body):
    product, sku, title, price, variant = told(line)
    properties = {**variant, **chosen(body, ("abandoned_checkout_url",))}
    return cart_item(product, count, sku=sku, name=title, category="", item_price=price, properties=properties)


def told(line):
    """What orders and carts tell of a line: its product, sku, title, price and variant."""
    get = line.get
    # A line that somebody typed in by hand has no product: its title stands for it.
    product = get("product_id") or get("variant_id") or f"custom:{get('title')}"[:250]
    title = get("title") or get("presentment_title") or "(no title)"
    return product, get("sku") or "", title, amount(get("price")), chosen(line, VARIANT_FIELDS)


def counted(lines):
    """Each line with how many of it; one that an edit took out has none."""
    counts = [(line, line.get("quantity")) for line in lines or []]
    return [(line, count) for line, count in counts if isinstance(count, int) and count > 0]


def record(contact, supplement, body, at, fields):
    if not body.get("id"):
        raise Ignore(f"{supplement}: a record without an id")
    entry = {"id": body["id"], "updated_at": at, **chosen(body, fields)}
    return upsert_supplement_records(
        contact=contact, supplement=supplement, records=[entry], updated_date_field="updated_at", occurred_at=at
    )


def lists_of(body, settings):
    names = [f"tag {tag}" for tag in body.get("tags") or []] or [f"segment {number_of(body.get('segment_id'))}"]
    return [f"{settings['list_prefix']} {name}" for name in names]


# Small readers: what cannot be read is None, never an error.


def chosen(body, fields):
    get = body.get
    return {name: get(name) for name in fields if get(name) not in EMPTY}


def number_of(name):
    """gid://shopify/Customer/7 → 7."""
    return name.split("/")[-1] if isinstance(name, str) else name


def email_of(text):
    return normalize_email(text) if isinstance(text, str) else None


def phone_of(text, country=None):
    try:
        return normalize_phone(text, country)
    except (TypeError, ValueError):
        return None


def phone_text(text, place):
    return phone_of(text, place.get("country_code")) or text or None


def amount(value):
    try:
        return money(value)
    except (TypeError, ValueError):
        return None


def first_time(*values):
    for value in values:
        try:
            return parse_time(value)
        except (TypeError, ValueError):
            continue
    return None


EMPTY = (None, "", [], {})
VARIANT_FIELDS = ("variant_id", "variant_title")
ORDER_FIELDS = (
    "name", "currency", "subtotal_price", "total_discounts", "current_total_price", "discount_codes",
    "financial_status", "fulfillment_status", "cancelled_at", "cancel_reason", "source_name", "tags",
)
DRAFT_FIELDS = ("name", "status", "currency", "total_price", "order_id", "invoice_url", "created_at", "completed_at")
SHIPMENT_FIELDS = ("order_id", "status", "shipment_status", "tracking_company", "tracking_number", "tracking_url")
CONTRACT_FIELDS = ("status", "currency_code", "billing_policy", "delivery_policy", "origin_order_id", "revision_id")

TOPICS = {
    "customers/create": customer, "customers/update": customer, "customers/enable": customer,
    "customers/disable": customer,
    "customers_email_marketing_consent/update": marketing_consent,
    "customers_marketing_consent/update": marketing_consent,
    "customers/purchasing_summary": purchasing_summary,
    "customer.tags_added": joined, "customer.joined_segment": joined,
    "customer.tags_removed": left, "customer.left_segment": left,
    "orders/create": order, "orders/updated": order, "orders/paid": order, "orders/partially_fulfilled": order,
    "orders/fulfilled": order, "orders/cancelled": order,
    "checkouts/create": cart, "checkouts/update": cart, "carts/create": cart, "carts/update": cart,
    "draft_orders/create": draft_order, "draft_orders/update": draft_order,
    "fulfillments/create": shipment, "fulfillments/update": shipment,
    "subscription_contracts/create": subscription_contract, "subscription_contracts/update": subscription_contract,
    "subscription_contracts/activate": subscription_contract, "subscription_contracts/pause": subscription_contract,
    "subscription_contracts/cancel": subscription_contract, "subscription_contracts/expire": subscription_contract,
    "subscription_contracts/fail": subscription_contract,
}

IGNORED = {
    "customers/delete": "deleted at Shopify: to forget the person here too, erase the contact (contacts erase)",
    "customers/redact": "Shopify asks to erase this customer: a person must do it within 30 days (contacts erase)",
    "customers/data_request": "a customer asks for their data: a person must send it within 30 days (contacts export)",
    "shop/redact": "Shopify asks to erase all data of this shop: a person must do it within 30 days",
    "customers/merge": "two customers became one at Shopify: the next update of the one that was kept says the rest",
    "orders/delete": "a deletion names only the order's number: the order stays as it was",
    "orders/edited": "an edit names only what changed: orders/updated brings the whole order",
    "refunds/create": "a refund names only the order's number: orders/updated brings the whole order",
}
