"""Parts: what actions are put together from: activities, lines of orders, lines of carts.

Takes fields, gives plain dicts in wire form for the builders' `activities` and `items`. None means "not given".
"""

from typing import Any

from gateway.toolbox.wire import Amount, Fields, Moment, given, id_text


def contact_activity(
    name: str,
    time: Moment,
    properties: Fields | list[Any] | None = None,
    geo: Fields | None = None,
    device: Fields | None = None,
) -> dict[str, Any]:
    """One activity for `create_contact_activities`; `time` needs a zone.

    Example: `contact_activity("pageView", t, {"url": "/"})`.
    """
    return given(name=name, time=time, properties=properties, geo=geo, device=device)


def order_item(
    product_id: str | int,
    sku: str | int,
    name: str,
    *,
    category: str | None = None,
    manufacturer_name: str | None = None,
    item_price: Amount | None = None,
    qty: int | None = None,
    url: str | None = None,
    images: list[str] | None = None,
    properties: Fields | list[Any] | None = None,
    attributes: Fields | list[Any] | None = None,
) -> dict[str, Any]:
    """One line of an order for `upsert_order`; `item_price` is for one piece, `qty` is 1 where it is not given.

    Example: `order_item(line["product_id"], line["sku"], line["title"], qty=line["quantity"],
    item_price=line["price"])`.
    """
    return given(
        productID=id_text(product_id),
        sku=id_text(sku),
        name=name,
        category=category,
        manufacturerName=manufacturer_name,
        itemPrice=item_price,
        qty=qty,
        url=url,
        images=images,
        properties=properties,
        attributes=attributes,
    )


def cart_item(
    product_id: str | int,
    qty: int,
    *,
    sku: str | int | None = None,
    name: str | None = None,
    category: str | None = None,
    description: str | None = None,
    item_price: Amount | None = None,
    url: str | None = None,
    images: list[str] | None = None,
    properties: Fields | list[Any] | None = None,
    attributes: Fields | list[Any] | None = None,
) -> dict[str, Any]:
    """One line of a cart for `add_products_to_cart` and `remove_products_from_cart`.

    Example: `cart_item(line["product_id"], 1)`.
    """
    return given(
        productID=id_text(product_id),
        qty=qty,
        sku=id_text(sku),
        name=name,
        category=category,
        description=description,
        itemPrice=item_price,
        url=url,
        images=images,
        properties=properties,
        attributes=attributes,
    )
