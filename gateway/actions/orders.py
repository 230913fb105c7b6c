"""upsertOrder: what a contact bought. An order is (origin, orderID): two shops both have order 727."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from gateway.actions.contacts import ActionModel, ContactRef
from gateway.actions.fields import Attributes, Document, Instant, Key, Model, Money, Name, Quantity, Text, Texts


class OrderItem(Model):
    product_id: Name = Field(alias="productID")
    sku: Text
    name: Name
    category: Text | None = None
    manufacturer_name: Text | None = Field(None, alias="manufacturerName")
    price: Money | None = Field(None, alias="itemPrice")
    qty: Quantity = 1
    url: Text | None = None
    images: Texts | None = None
    properties: Document | None = None
    attributes: Annotated[Attributes | None, Field(validation_alias=AliasChoices("attributes", "attr"))] = None


class UpsertOrder(ActionModel):
    """Write an order; its items leave the contact's cart once, unless shouldRemoveItemsFromCart is false."""

    action: Literal["upsertOrder"] = "upsertOrder"
    contact: ContactRef
    order_id: Key = Field(alias="orderID")
    purchased_at: Instant = Field(alias="purchaseDate")
    status: Text
    items: Annotated[list[OrderItem], Field(max_length=1000)]
    total: Money | None = Field(None, alias="totalAmount")
    tax: Money | None = None
    properties: Document | None = None
    takes_from_cart: Annotated[
        bool, Field(validation_alias=AliasChoices("shouldRemoveItemsFromCart", "removeItemsFromCart"))
    ] = True
