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

MANY: TypeAdapter[list[Action]] = TypeAdapter(
    list[Annotated[Union[ACTION_MODELS], Field(discriminator="action")]]  # type: ignore[valid-type]  # noqa: UP007 - built from the tuple
)

FAULTS_MAX = 50
SHOWN_MAX = 3
# What pydantic calls the branches of fields.Document, and a key of an object.
_DOCUMENT_BRANCHES = ("dict[", "list[", "function-after[", "[key]")


def parse_actions(raw: bytes) -> list[Action]:
    """Read a JSON array of actions. Raises BadRequest (not JSON) or Unprocessable (with pointers)."""
    try:
        return MANY.validate_json(raw)
    except ValidationError as error:
        raise translate_validation(error, is_many=True) from None


def parse_action(name: str, raw: bytes) -> Action:
    """Read the body of `POST /api/<name>`. Raises BadRequest or Unprocessable; KeyError for an unknown name."""
    try:
        return BY_NAME[name].validate_json(raw)
    except ValidationError as error:
        raise translate_validation(error, is_many=False) from None


def translate_validation(error: ValidationError, *, is_many: bool) -> BadRequest | Unprocessable:
    """Turn what pydantic found into an error of ours: a fault a place, nothing of the input."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return BadRequest(details[0]["msg"])
    # One fault a place: a document that is neither object nor array is told once by each branch of its union.
    faults = list(dict.fromkeys(Fault(_pointer(detail, is_many=is_many), _message(detail)) for detail in details))
    summary = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults[:SHOWN_MAX])
    more = f" … and {len(faults) - SHOWN_MAX} more" if len(faults) > SHOWN_MAX else ""
    return Unprocessable(summary + more, faults[:FAULTS_MAX])


def _pointer(detail: ErrorDetails, *, is_many: bool) -> str:
    """Write the place as RFC 6901 wants it, without the name of the union's branch that pydantic puts in."""
    parts: Sequence[int | str] = detail["loc"]
    if is_many and len(parts) > 1:
        parts = (parts[0], *parts[2:])
    kept = [part for part in parts[:-1] if part != "[key]"] + [part for part in parts[-1:] if not _is_branch(part)]
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in kept)


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith(_DOCUMENT_BRANCHES)


def _message(detail: ErrorDetails) -> str:
    if detail["loc"] and _is_branch(detail["loc"][-1]):
        return "is an object or an array"
    if detail["type"] == "union_tag_invalid":
        return f"no such action; there are {', '.join(ACTION_NAMES)}"
    if detail["type"] == "union_tag_not_found":
        return f'"action" is missing: one of {", ".join(ACTION_NAMES)}'
    if detail["type"] == "extra_forbidden":
        return "no such field"
    return detail["msg"].removeprefix("Value error, ")
