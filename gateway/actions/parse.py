"""Bytes become actions, or errors that name every bad place by a JSON pointer.

Takes JSON as it came (from a script's sandbox, an API call, the queue) and gives models. The gateway
parses to refuse; the worker parses the same bytes again to apply them: nothing is trusted because
somebody else has looked at it.
"""

from collections.abc import Sequence
from typing import Annotated, Union

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gateway.actions.activities import CreateContactActivities
from gateway.actions.carts import AddProductsToCart, RemoveProductsFromCart
from gateway.actions.contacts import UpsertContact
from gateway.actions.lists import AddContactsToList, RemoveContactsFromList
from gateway.actions.orders import UpsertOrder
from gateway.actions.supplements import UpsertSupplementRecords
from gateway.errors import BadRequest, Fault, Unprocessable

ACTION_MODELS = (
    UpsertContact,
    CreateContactActivities,
    AddContactsToList,
    RemoveContactsFromList,
    UpsertOrder,
    UpsertSupplementRecords,
    AddProductsToCart,
    RemoveProductsFromCart,
)
Action = (
    UpsertContact
    | CreateContactActivities
    | AddContactsToList
    | RemoveContactsFromList
    | UpsertOrder
    | UpsertSupplementRecords
    | AddProductsToCart
    | RemoveProductsFromCart
)
BY_NAME: dict[str, TypeAdapter[Action]] = {
    model.model_fields["action"].default: TypeAdapter(model) for model in ACTION_MODELS
}
ACTION_NAMES = tuple(BY_NAME)

_MANY: TypeAdapter[list[Action]] = TypeAdapter(
    list[Annotated[Union[ACTION_MODELS], Field(discriminator="action")]]  # type: ignore[valid-type]  # noqa: UP007 - built from the tuple
)

FAULTS_MAX = 50


def parse_actions(raw: bytes) -> list[Action]:
    """Read a JSON array of actions. Raises BadRequest (not JSON) or Unprocessable (with pointers)."""
    try:
        return _MANY.validate_json(raw)
    except ValidationError as error:
        raise _translate(error, is_many=True) from None


def parse_action(name: str, raw: bytes) -> Action:
    """Read the body of `POST /api/<name>`. Raises BadRequest or Unprocessable; KeyError for an unknown name."""
    try:
        return BY_NAME[name].validate_json(raw)
    except ValidationError as error:
        raise _translate(error, is_many=False) from None


def _translate(error: ValidationError, *, is_many: bool) -> BadRequest | Unprocessable:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return BadRequest(details[0]["msg"])
    faults = [Fault(_pointer(detail, is_many=is_many), _message(detail)) for detail in details[:FAULTS_MAX]]
    more = len(details) - len(faults)
    summary = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults[:3])
    return Unprocessable(summary + (f" … and {more + len(faults) - 3} more" if len(faults) + more > 3 else ""), faults)


def _pointer(detail: ErrorDetails, *, is_many: bool) -> str:
    """Write the place as RFC 6901 wants it, without the name of the union's branch that pydantic puts in."""
    parts: Sequence[int | str] = detail["loc"]
    if is_many and len(parts) > 1:
        parts = (parts[0], *parts[2:])
    kept = [part for part in parts if part not in ("dict[str,any]", "list[any]", "[key]")]
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in kept)


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "union_tag_invalid":
        return f"no such action; there are {', '.join(ACTION_NAMES)}"
    if detail["type"] == "union_tag_not_found":
        return f'"action" is missing: one of {", ".join(ACTION_NAMES)}'
    if detail["type"] == "extra_forbidden":
        return "no such field"
    return detail["msg"].removeprefix("Value error, ")
