"""Bytes become actions, or errors that name every bad place by a JSON pointer.

Takes JSON as it came (from a script's sandbox, an API call, the queue) and gives models. The gateway
parses to refuse; the worker parses the same bytes again to apply them: nothing is trusted because
somebody else has looked at it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from gateway.actions.activities import CreateContactActivities
from gateway.actions.carts import AddProductsToCart, RemoveProductsFromCart
from gateway.actions.contacts import UpsertContact
from gateway.actions.faults import FAULTS_MAX, find_faults, refuse
from gateway.actions.lists import AddContactsToList, RemoveContactsFromList
from gateway.actions.orders import UpsertOrder
from gateway.actions.supplements import UpsertSupplementRecords
from gateway.actions.turns import in_turns
from gateway.errors import BadRequest, Fault

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

_ANY = Annotated[Union[ACTION_MODELS], Field(discriminator="action")]  # type: ignore[valid-type]  # noqa: UP007 - built from the tuple
_ONE: TypeAdapter[Action] = TypeAdapter(_ANY)
MANY: TypeAdapter[list[Action]] = TypeAdapter(Annotated[list[_ANY], Field(fail_fast=True)])

# What is checked in one go, as JSON: a few milliseconds at most. Of more than that Python's values are made first, and
# checked action by action: for each fault in JSON pydantic copies all that stands around it.
WHOLE_BYTES_MAX = 16 * 1024


def parse_actions(raw: bytes) -> list[Action]:
    """Read a JSON array of actions. Raises BadRequest (not JSON) or Unprocessable (with pointers)."""
    if len(raw) <= WHOLE_BYTES_MAX:
        with suppress(ValidationError):  # said below, with a pointer for every bad place
            return MANY.validate_json(raw)
    return [action for action in _check_each(_read(raw)) if action is not None]


def parse_action(name: str, raw: bytes) -> Action:
    """Read the body of `POST /api/<name>`. Raises BadRequest or Unprocessable; KeyError for an unknown name."""
    adapter = BY_NAME[name]
    try:
        return adapter.validate_json(raw) if len(raw) <= WHOLE_BYTES_MAX else adapter.validate_python(_read(raw))
    except ValidationError as error:
        raise refuse(find_faults(error)) from None


async def check_in_turns(raw: bytes) -> list[Any]:
    """Check an array of actions of any length, and let others have their turn in between; give what was read.

    Raises as `parse_actions` does.
    """
    documents: list[Any] = _read(raw)
    await asyncio.sleep(0)  # to read a megabyte of small values is a turn of its own
    async for _ in in_turns(_check_each(documents)):
        pass
    return documents


def _read(raw: bytes) -> Any:
    try:
        return from_json(raw)
    except ValueError as error:
        raise BadRequest(f"Invalid JSON: {error}") from None


def _check_each(documents: Any) -> Iterator[Action | None]:
    """Check action by action; what is wrong is raised at the end, or as soon as there is more than is shown."""
    if type(documents) is not list:
        raise refuse([Fault("", "is an array of actions")])
    faults: list[Fault] = []
    for index, document in enumerate(documents):
        action = None
        try:
            action = _ONE.validate_python(document)
        except ValidationError as error:
            faults += find_faults(error, index, names=ACTION_NAMES)
        if len(faults) > FAULTS_MAX:
            break
        yield action
    if faults:
        raise refuse(faults)
