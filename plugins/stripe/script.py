"""Stripe: customers, checkouts, payments, invoices and subscriptions.

A person is known by `stripe_id` (cus_…) and by e-mail. Stripe wraps everything in an event: its `created`
is when it happened, `data.object` what it is about. `ACTIVITIES` and `TOPICS` at the end say what counts.
"""

from gateway.toolbox import (
    Ignore, contact_activity, create_contact_activities, get_path, money, normalize_email, normalize_phone, order_item,
    parse_time, upsert_contact, upsert_order, upsert_supplement_records, verify_stripe,
)


def authenticate(request, context):
    return verify_stripe(request, context.secrets["signing_secret"])


def transform(request, context):
    event = request.json
    if not isinstance(event, dict) or event.get("object") != "event":
        raise Ignore("not an event of Stripe")
    topic = event.get("type")
    thing = get_path(event, "data.object")
    handler = handler_of(topic) if isinstance(topic, str) and isinstance(thing, dict) else None
    if handler is None:
        raise Ignore(IGNORED.get(str(topic), f"{topic}: says nothing about a person"))
    at = time_of(event.get("created")) or request.received_at
    return handler(thing, at, context.settings, topic)


def handler_of(topic):
    """A topic counts if it stands in `TOPICS`, or is an activity of one of the `KINDS`."""
    if topic in TOPICS or topic not in ACTIVITIES:
        return TOPICS.get(topic)
    return KINDS.get(topic.split(".")[0], other_activity)


def customer(thing, at, settings, topic):
    contact = person(settings, thing.get("id"), thing.get("email"), thing.get("phone"))
    place = thing.get("address") or {}
    attributes = {
        "name": thing.get("name"),
        "phone_number": phone_text(thing.get("phone")),
        "language": (thing.get("preferred_locales") or [None])[0],
        "currency": thing.get("currency"),
        "location.city": place.get("city"),
        "location.region": place.get("state"),
        "location.postal_code": place.get("postal_code"),
        "location.country_code": place.get("country"),
        # Text, not true or false: a boolean would also be a list of that name.
        "payment_standing": "delinquent" if thing.get("delinquent") else "good",
    }
    yield upsert_contact(**contact, attributes=attributes, merge_allowed=True, occurred_at=at)


def checkout(thing, at, settings, topic):
    if not thing.get("id"):
        raise Ignore("a checkout without its id")
    details = thing.get("customer_details") or {}
    contact = buyer(thing, settings)
    attributes = chosen({"name": details.get("name"), "phone_number": phone_text(details.get("phone"))})
    if get_path(thing, "consent.promotions") == "opt_in":
        # The box was ticked in this very checkout: that may undo an earlier unsubscribe.
        attributes = {**attributes, "channels.email.subscribeStatus": "subscribed"}
        yield upsert_contact(**contact, attributes=attributes, force_subscribe=True, merge_allowed=True, occurred_at=at)
    else:
        yield upsert_contact(**contact, attributes=attributes, merge_allowed=True, occurred_at=at)
    if thing.get("mode") == "payment" and topic != "checkout.session.expired":
        yield checkout_order(thing, at, contact)
    else:  # a subscription is told by its own events and its invoices
        yield activity(contact, ACTIVITIES[topic], at, summary(thing, CHECKOUT_FIELDS))


def checkout_order(thing, at, contact):
    """Stripe's own webhooks leave `line_items` out: then the order has its sums and no items."""
    currency = thing.get("currency")
    items = [bought(line, currency) for line in get_path(thing, "line_items.data") or []]
    return upsert_order(
        contact=contact,
        order_id=thing.get("id"),
        purchase_date=time_of(thing.get("created")) or at,
        status=thing.get("payment_status") or thing.get("status") or "complete",
        items=items,
        total_amount=amount(thing.get("amount_total"), currency),
        tax=amount(get_path(thing, "total_details.amount_tax"), currency),
        properties=summary(thing, CHECKOUT_FIELDS),
        occurred_at=at,
    )


def bought(line, currency):
    price = line.get("price") or {}
    product = id_of(price.get("product")) or line.get("id") or "unknown"
    each = amount(price.get("unit_amount"), currency)
    count = line.get("quantity")
    qty = count if isinstance(count, int) and count > 0 else 1
    return order_item(product, "", line.get("description") or product, qty=qty, item_price=each)


def payment(thing, at, settings, topic):
    yield activity(buyer(thing, settings), ACTIVITIES[topic], at, summary(thing, PAYMENT_FIELDS))


def other_activity(thing, at, settings, topic):
    yield activity(buyer(thing, settings), ACTIVITIES[topic], at, summary(thing, OTHER_FIELDS))


def invoice(thing, at, settings, topic):
    contact = buyer(thing, settings)
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)
    if thing.get("id"):  # the preview of an upcoming invoice has none
        since_2025 = {"subscription": id_of(get_path(thing, "parent.subscription_details.subscription"))}
        yield record(contact, "stripe_invoices", thing, at, INVOICE_FIELDS, since_2025)
    if topic in ACTIVITIES:
        yield activity(contact, ACTIVITIES[topic], at, summary(thing, ("id", "number", *PAYMENT_FIELDS)))


def subscription(thing, at, settings, topic):
    contact = buyer(thing, settings)
    first = get_path(thing, "items.data.0") or thing
    plan = first.get("price") or first.get("plan") or {}
    more = {
        "plan": plan.get("id"),
        "plan_name": plan.get("nickname"),
        "product": id_of(plan.get("product")),
        "price": amount(plan.get("unit_amount", plan.get("amount")), plan.get("currency")),
        "quantity": first.get("quantity"),
        "current_period_end": time_of(first.get("current_period_end")),  # since 2025 it stands at the item
    }
    yield record(contact, "stripe_subscriptions", thing, at, SUBSCRIPTION_FIELDS, more)
    if topic in ACTIVITIES:
        yield activity(contact, ACTIVITIES[topic], at, chosen({"id": thing.get("id"), "plan": plan.get("id")}))


def person(settings, number, email=None, phone=None):
    """Name somebody by Stripe's id and e-mail; by phone only where the source is set so."""
    key = settings["identifier_key"]
    by_phone = phone_of(phone) if settings["identify_by_phone"] else None
    identifiers = chosen({key: id_of(number), "email": email_of(email), "phone": by_phone})
    if not identifiers:
        raise Ignore("nobody is named: neither a customer of Stripe's nor an e-mail address")
    return {"identifiers": identifiers, "identifiers_priority": [key, "email"]}


def buyer(thing, settings):
    """Where Stripe knows the customer, the address on the bill does not count: it may be somebody else's."""
    paths = OWN_EMAILS if thing.get("customer") else OWN_EMAILS + BILL_EMAILS
    emails = [email for email in (get_path(thing, path) for path in paths) if email]
    phone = get_path(thing, "customer_details.phone") or thing.get("customer_phone")
    return person(settings, thing.get("customer"), emails[0] if emails else None, phone)


def activity(contact, name, at, properties):
    return create_contact_activities(
        contact={**contact, "can_be_created": True, "merge_options": {"merge_allowed": True}},
        activities=[contact_activity(name, at, properties)],
        occurred_at=at,
    )


def record(contact, supplement, thing, at, fields, more=None):
    if not thing.get("id"):
        raise Ignore(f"{supplement}: a record without an id")
    entry = {"id": thing["id"], **summary(thing, fields), **chosen(more or {}), "updated_at": at}
    return upsert_supplement_records(
        contact=contact, supplement=supplement, records=[entry], updated_date_field="updated_at", occurred_at=at
    )


def summary(thing, fields):
    """Take fields as Stripe names them: sums in whole units of the currency, times as times, things by their id."""
    return chosen({name: readable(name, thing.get(name), thing.get("currency")) for name in fields})


def readable(name, value, currency):
    if name in MINOR_UNITS:
        return amount(value, currency)
    if name in TIMES:
        return time_of(value)
    return id_of(value)


def chosen(fields):
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def id_of(value):
    """An app may have had things expanded: then the id stands inside."""
    return value.get("id") if isinstance(value, dict) else value


def amount(value, currency):
    """1999 → 19.99: Stripe counts the smallest coin, and not every currency has hundredths."""
    code = currency.lower() if isinstance(currency, str) else ""
    try:
        return money(value, minor_units=0 if code in NO_DECIMALS else 3 if code in THREE_DECIMALS else 2)
    except (TypeError, ValueError):
        return None


def email_of(text):
    return normalize_email(text) if isinstance(text, str) else None


def phone_of(text):
    return normalize_phone(text) if isinstance(text, str) else None


def phone_text(text):
    return phone_of(text) or text or None


def time_of(value):
    try:
        return parse_time(value)
    except (TypeError, ValueError):
        return None


# docs.stripe.com/currencies. The Icelandic and the Ugandan one have none either, but Stripe counts hundredths there.
NO_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()
THREE_DECIMALS = "bhd jod kwd omr tnd".split()

OWN_EMAILS = ("customer_details.email", "customer_email")
BILL_EMAILS = ("billing_details.email", "receipt_email")
MINOR_UNITS = ("amount", "amount_total", "amount_refunded", "amount_due", "amount_paid", "amount_remaining", "total")
TIMES = ("created", "canceled_at", "ended_at", "trial_end", "current_period_end", "cancel_at", "due_date", "expires_at")
CHECKOUT_FIELDS = ("id", "mode", "amount_total", "currency", "payment_status", "client_reference_id", "subscription")
PAYMENT_FIELDS = (
    "id", "amount", "amount_refunded", "amount_due", "amount_paid", "currency", "status", "description", "invoice",
    "payment_intent", "failure_code", "failure_message", "cancellation_reason", "receipt_url", "subscription",
)
OTHER_FIELDS = ("id", "type", "amount_total", "currency", "status", "expires_at")
INVOICE_FIELDS = (
    "number", "status", "currency", "total", "amount_due", "amount_paid", "amount_remaining", "billing_reason",
    "subscription", "due_date", "created", "hosted_invoice_url",
)
SUBSCRIPTION_FIELDS = (
    "status", "currency", "created", "current_period_end", "trial_end", "cancel_at", "canceled_at", "ended_at",
    "cancel_at_period_end", "latest_invoice",
)

ACTIVITIES = {
    "charge.succeeded": "Payment Succeeded",
    "charge.failed": "Payment Failed",
    "charge.captured": "Payment Captured",
    "charge.refunded": "Payment Refunded",
    "payment_intent.succeeded": "Payment Intent Succeeded",
    "payment_intent.payment_failed": "Payment Intent Failed",
    "payment_intent.canceled": "Payment Intent Canceled",
    "payment_intent.requires_action": "Payment Intent Requires Action",
    "checkout.session.completed": "Checkout Completed",
    "checkout.session.async_payment_succeeded": "Checkout Payment Succeeded",
    "checkout.session.async_payment_failed": "Checkout Payment Failed",
    "checkout.session.expired": "Checkout Expired",
    "invoice.paid": "Invoice Paid",
    "invoice.payment_failed": "Invoice Payment Failed",
    "invoice.payment_action_required": "Invoice Payment Action Required",
    "invoice.upcoming": "Invoice Upcoming",
    "customer.subscription.created": "Subscription Created",
    "customer.subscription.deleted": "Subscription Ended",
    "customer.subscription.paused": "Subscription Paused",
    "customer.subscription.resumed": "Subscription Resumed",
    "customer.subscription.trial_will_end": "Subscription Trial Will End",
    "customer.discount.created": "Discount Created",
    "customer.discount.deleted": "Discount Deleted",
    "quote.finalized": "Quote Finalized",
    "quote.accepted": "Quote Accepted",
    "quote.canceled": "Quote Canceled",
    "setup_intent.succeeded": "Payment Method Set Up",
    "setup_intent.setup_failed": "Payment Method Setup Failed",
}


KINDS = {"charge": payment, "payment_intent": payment, "checkout": checkout, "invoice": invoice}

TOPICS = {
    "customer.created": customer,
    "customer.updated": customer,
    "customer.subscription.created": subscription,
    "customer.subscription.updated": subscription,
    "customer.subscription.deleted": subscription,
    "customer.subscription.paused": subscription,
    "customer.subscription.resumed": subscription,
    "customer.subscription.trial_will_end": subscription,
    "invoice.created": invoice,
    "invoice.finalized": invoice,
    "invoice.updated": invoice,
    "invoice.payment_succeeded": invoice,
    "invoice.voided": invoice,
    "invoice.marked_uncollectible": invoice,
}

IGNORED = {
    "customer.deleted": "deleted at Stripe: to forget the person here too, erase the contact (contacts erase)",
    "charge.dispute.created": "a dispute names the payment, not the person",
    "charge.dispute.closed": "a dispute names the payment, not the person",
}
