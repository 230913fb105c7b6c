"""addContactsToList and removeContactsFromList: membership, by the name of the list."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from gateway.actions.contacts import ActionModel
from gateway.actions.fields import Identifiers, Key, Model, Priority


class ContactRefs(Model):
    """Several contacts, or one: `identifiers` is an array of objects or a single object."""

    identifiers: Annotated[list[Identifiers], Field(min_length=1, max_length=1000)]
    priority: Priority = Field(default_factory=list, alias="identifiersPriority")

    @field_validator("identifiers", mode="before")
    @classmethod
    def _one_as_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


_CONTACTS = Field(validation_alias=AliasChoices("contacts", "contact"))


class AddContactsToList(ActionModel):
    """Put contacts on a list; the list is made if it is not there, unless isAllowedToCreateLists is false."""

    action: Literal["addContactsToList"] = "addContactsToList"
    contacts: Annotated[ContactRefs, _CONTACTS]
    list_name: Key = Field(alias="listName")
    is_list_creatable: bool = Field(True, alias="isAllowedToCreateLists")


class RemoveContactsFromList(ActionModel):
    """Take contacts off a list. The list need not exist: a removal may come before what it removes."""

    action: Literal["removeContactsFromList"] = "removeContactsFromList"
    contacts: Annotated[ContactRefs, _CONTACTS]
    list_identifier: Key | None = Field(None, alias="listIdentifier")
    list_identifier_key: Key = Field("name", alias="listIdentifierKey")
    identify_by: dict[Key, Key] | None = Field(None, alias="identifyListBy", min_length=1, max_length=10)

    @model_validator(mode="after")
    def _list_is_named_once(self) -> "RemoveContactsFromList":
        if (self.list_identifier is None) == (self.identify_by is None):
            raise ValueError("name the list by listIdentifier, or by identifyListBy: one of the two")
        return self

    @property
    def list_name(self) -> str:
        """The list's name; one that is only known by another key of the sender's is called `key:value`."""
        named = self.identify_by or {self.list_identifier_key: self.list_identifier or ""}
        key = "name" if "name" in named else min(named)
        return named[key] if key == "name" else f"{key}:{named[key]}"
