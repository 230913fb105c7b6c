"""addProductsToCart and removeProductsFromCart: what a contact is about to buy, by product."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from gateway.actions.contacts import ActionModel, ContactRef
from gateway.actions.fields import Attributes, Document, Model, Money, Name, Quantity, Text, Texts

_ATTRIBUTES = Field(validation_alias=AliasChoices("attributes", "attr"))


class RemovedItem(Model):
    product_id: Name = Field(alias="productID")
    qty: Quantity
    sku: Text | None = None
    name: Text | None = None
    category: Text | None = None
    description: Text | None = None
    price: Money | None = Field(None, alias="itemPrice")
    url: Text | None = None
    images: Texts | None = None
    properties: Document | None = None
    attributes: Annotated[Attributes | None, _ATTRIBUTES] = None


class CartItem(RemovedItem):
    sku: Text
    name: Name
    category: Text


class AddProductsToCart(ActionModel):
    """Add to what is in the cart; with isWholeCart the items are the cart, and nothing else is in it."""

    action: Literal["addProductsToCart"] = "addProductsToCart"
    contact: ContactRef
    items: Annotated[list[CartItem], Field(max_length=1000)]
    is_whole_cart: bool = Field(False, alias="isWholeCart")


class RemoveProductsFromCart(ActionModel):
    """Take from what is in the cart; a product that is not there stays at none."""

    action: Literal["removeProductsFromCart"] = "removeProductsFromCart"
    contact: ContactRef
    items: Annotated[list[RemovedItem], Field(min_length=1, max_length=1000)]
