"""Segment: the six calls of its spec, and what its e-commerce events mean for orders and carts.

A person is known by `segment_id` (their userId) and by e-mail; somebody who has not said who they are, by
`segment_anonymous_id`. The two are tied together only by identify and alias, which say so on purpose.
"""

from gateway.toolbox import (
    Ignore, add_contacts_to_list, add_products_to_cart, cart_item, contact_activity, create_contact_activities,
    get_path, money, normalize_email, normalize_phone, order_item, parse_time, remove_contacts_from_list,
    remove_products_from_cart, upsert_contact, upsert_order, upsert_supplement_records, verify_segment,
)


def authenticate(request, context):
    return verify_segment(request, context.secrets["signing_secret"])


def transform(request, context):
    body = request.json
    call = body.get("type") if isinstance(body, dict) else None
    if not isinstance(call, str) or call not in CALLS:
        raise Ignore(f"{call}: none of identify, track, page, screen, group, alias")
    times = [field(body, name) for name in ("timestamp", "originalTimestamp", "sentAt")]
    return CALLS[call](body, first_time(*times) or request.received_at, context.settings)


def identify(body, at, settings):
    traits = part(body, "traits") or part(body, "context.traits")
    link = field(body, "anonymousId") if settings["link_anonymous"] else None
    contact = person(body, settings, email=traits.get("email"), phone=traits.get("phone"), anonymous_id=link)
    yield upsert_contact(**contact, attributes=attributes_of(traits), merge_allowed=True, occurred_at=at)


def alias(body, at, settings):
    """Segment's own advice is identify; alias says that somebody known as previousId is userId from now on."""
    previous = field(body, "previousId")
    if not field(body, "userId") or not previous:
        raise Ignore("alias: one of userId and previousId is missing")
    email = email_of(previous)
    contact = person(body, settings, email=email, anonymous_id=None if email else previous)
    yield upsert_contact(**contact, merge_allowed=True, occurred_at=at)


def group(body, at, settings):
    """A group is a list, named as `Account Removed User` can name it; what it is like is kept as a record."""
    contact = person(body, settings)
    number = field(body, "groupId")
    if not number:
        raise Ignore("group: the groupId is missing")
    yield add_contacts_to_list(contacts=contact, list_name=f"segment_group_id:{number}", occurred_at=at)
    record = {**part(body, "traits"), "id": number, "updated_at": at}
    yield upsert_supplement_records(
        contact=contact, supplement="segment_groups", records=[record], updated_date_field="updated_at", occurred_at=at
    )


def page(body, at, settings):
    name = body.get("name") or get_path(body, "properties.title") or get_path(body, "properties.path")
    yield activity(body, at, settings, "Page Viewed", {"name": name})


def screen(body, at, settings):
    yield activity(body, at, settings, "Screen Viewed", {"name": body.get("name")})


def track(body, at, settings):
    event = body.get("event")
    if not isinstance(event, str) or not event.strip():
        raise Ignore("track: the event has no name")
    if event == "Violation Generated":
        raise Ignore("Segment's own note that a call did not fit its schema: nobody did it")
    yield activity(body, at, settings, event.strip()[:250], {})
    if event in EFFECTS:
        yield from EFFECTS[event](body, part(body, "properties"), person(body, settings), at)


# What some events do beside being an activity.


def order_changed(body, properties, contact, at):
    """An order needs its number and all its items: a refund of some of them must not take the others away."""
    if not properties.get("order_id") or not isinstance(properties.get("products"), list):
        return
    yield upsert_order(
        contact=contact,
        order_id=properties["order_id"],
        purchase_date=at,
        status=body["event"],
        items=[bought(product) for product in properties["products"] if id_of(product)],
        total_amount=amount(properties.get("total", properties.get("revenue"))),
        tax=amount(properties.get("tax")),
        properties={name: value for name, value in properties.items() if name in ORDER_FIELDS},
        occurred_at=at,
    )


def product_added(body, properties, contact, at):
    if id_of(properties):
        yield add_products_to_cart(contact=contact, items=[wanted(properties)], occurred_at=at)


def product_removed(body, properties, contact, at):
    if id_of(properties):
        item = cart_item(id_of(properties), quantity(properties))
        yield remove_products_from_cart(contact=contact, items=[item], occurred_at=at)


def whole_cart(body, properties, contact, at):
    if isinstance(properties.get("products"), list):
        items = [wanted(product) for product in properties["products"] if id_of(product)]
        yield add_products_to_cart(contact=contact, items=items, is_whole_cart=True, occurred_at=at)


def joined_group(body, properties, contact, at):
    number = get_path(body, "context.groupId")
    if number:
        yield add_contacts_to_list(contacts=contact, list_name=f"segment_group_id:{number}", occurred_at=at)


def left_group(body, properties, contact, at):
    number = get_path(body, "context.groupId")
    if number:
        yield remove_contacts_from_list(contacts=contact, identify_list_by={"segment_group_id": number}, occurred_at=at)


def entered_audience(body, properties, contact, at):
    key = properties.get("audience_key")
    if key:
        yield add_contacts_to_list(contacts=contact, list_name=f"segment audience {key}", occurred_at=at)


def exited_audience(body, properties, contact, at):
    key = properties.get("audience_key")
    if key:
        yield remove_contacts_from_list(contacts=contact, list_identifier=f"segment audience {key}", occurred_at=at)


# Who it is.


def person(body, settings, email=None, phone=None, anonymous_id=None):
    """Name somebody by userId, else by anonymousId. Both only where the caller hands the second over.

    A device that several people share sends one anonymousId for all of them: tied to each, it would join them.
    """
    key = settings["identifier_key"]
    user_id = field(body, "userId")
    if not user_id:
        anonymous_id = field(body, "anonymousId") if settings["keep_anonymous"] else None
        email = email or get_path(body, "properties.email")
    named = {
        key: user_id,
        "email": email_of(email or get_path(body, "context.traits.email")),
        "phone": phone_of(phone) if settings["identify_by_phone"] else None,
        "segment_anonymous_id": anonymous_id,
    }
    identifiers = {name: value for name, value in named.items() if value and isinstance(value, (str, int))}
    if not identifiers:
        raise Ignore("nobody is named: no userId, no e-mail address, or only an anonymousId that is not kept")
    return {"identifiers": identifiers, "identifiers_priority": [key, "email", "segment_anonymous_id"]}


def attributes_of(traits):
    """Take the traits as they are, except those that would name somebody or say who may be written to."""
    known = {ATTRIBUTES[name]: value for name, value in traits.items() if name in ATTRIBUTES and value}
    others = {name: value for name, value in traits.items() if is_attribute(name)}
    return {**others, **known}


def is_attribute(name):
    is_a_name = bool(name.strip()) and len(name) < 200 and "." not in name
    return is_a_name and name not in ATTRIBUTES and name not in NOT_ATTRIBUTES


def activity(body, at, settings, name, more):
    contact = {**person(body, settings), "can_be_created": True, "merge_options": {"merge_allowed": True}}
    device = {**part(body, "context.device"), "ip": get_path(body, "context.ip")}
    agent = field(part(body, "context"), "userAgent")
    done = contact_activity(
        name,
        at,
        properties={**part(body, "properties"), **{key: value for key, value in more.items() if value}},
        geo=part(body, "context.location") or None,
        device={key: value for key, value in {**device, "user_agent": agent}.items() if value} or None,
    )
    return create_contact_activities(contact=contact, activities=[done], occurred_at=at)


# Products.


def bought(product):
    return order_item(
        id_of(product), text(product, "sku"), name_of(product), qty=quantity(product),
        category=text(product, "category") or None, manufacturer_name=text(product, "brand") or None,
        item_price=amount(product.get("price")), url=text(product, "url") or None, images=images_of(product),
    )


def wanted(product):
    return cart_item(
        id_of(product), quantity(product), sku=text(product, "sku"), name=name_of(product),
        category=text(product, "category"), item_price=amount(product.get("price")),
        url=text(product, "url") or None, images=images_of(product),
    )


def images_of(product):
    return [text(product, "image_url")] if product.get("image_url") else None


def id_of(product):
    """The spec has product_id; older libraries send id, and some shops only a sku."""
    if not isinstance(product, dict):
        return None
    number = product.get("product_id") or product.get("productId") or product.get("id") or product.get("sku")
    return str(number)[:250] if number else None


def name_of(product):
    return str(product.get("name") or product.get("sku") or id_of(product))[:250]


def text(product, name):
    return str(product.get(name) or "")


def quantity(product):
    count = product.get("quantity")
    return int(count) if isinstance(count, (int, float)) and count >= 1 else 1


# Small readers: what cannot be read is None, never an error.


def part(body, path):
    """Follow a path to an object; anything else that stands there counts as empty."""
    found = get_path(body, path)
    return found if isinstance(found, dict) else {}


def field(body, name):
    """userId or user_id: Segment itself writes camelCase, some servers that pass it on do not."""
    if name in body:
        return body[name]
    return body.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))


def email_of(value):
    return normalize_email(value) if isinstance(value, str) else None


def phone_of(value):
    return normalize_phone(value) if isinstance(value, str) else None


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


CALLS = {"identify": identify, "track": track, "page": page, "screen": screen, "group": group, "alias": alias}

EFFECTS = {
    "Order Completed": order_changed,
    "Order Updated": order_changed,
    "Order Cancelled": order_changed,
    "Product Added": product_added,
    "Product Removed": product_removed,
    "Cart Viewed": whole_cart,
    "Checkout Started": whole_cart,
    "Account Added User": joined_group,
    "Account Removed User": left_group,
    "Audience Entered": entered_audience,
    "Audience Exited": exited_audience,
}

ORDER_FIELDS = ("checkout_id", "affiliation", "subtotal", "revenue", "shipping", "discount", "coupon", "currency")

# Traits of the spec that have another name among the attributes of contacts.
ATTRIBUTES = {"firstName": "first_name", "lastName": "last_name", "phone": "phone_number"}

# An attribute of one of these names would become an identifier, or a subscription.
NOT_ATTRIBUTES = ("id", "email", "customId", "customID", "custom_id", "channels")
