"""upsertContact, and how every action names the contact it is about."""

from typing import Any, Literal

from pydantic import Field, field_validator

from gateway.actions.fields import Attributes, Identifiers, Instant, Key, Model, Priority


class MergeOptions(Model):
    """May this action join contacts? None as keys: whichever identifiers conflict; else only those keys."""

    is_allowed: bool = Field(False, alias="mergeAllowed")
    keys: Priority | None = Field(None, alias="mergeableSecondaryKeys")

    def allow(self, key: str) -> bool:
        return self.is_allowed and (self.keys is None or key in self.keys)


class ContactRef(Model):
    """One contact by its identifiers: looked up by priority, first hit wins; created where there is none."""

    identifiers: Identifiers
    priority: Priority = Field(default_factory=list, alias="identifiersPriority")


class ActionModel(Model):
    """What all actions take: the origin (default: the source's name) and when the thing happened."""

    origin: Key | None = Field(None, alias="source")
    occurred_at: Instant | None = Field(None, alias="occurredAt")


class ContactFields(ContactRef):
    """A contact that brings attributes and may merge."""

    attributes: Attributes = Field(default_factory=dict)
    is_forced: bool = Field(False, alias="forceSubscribe")
    merge: MergeOptions = Field(default_factory=MergeOptions, alias="mergeOptions")

    @field_validator("merge", mode="before")
    @classmethod
    def _merge_as_boolean(cls, value: Any) -> Any:
        """Take true for {"mergeAllowed": true}: the seed calls the field a boolean and shows an object."""
        return {"mergeAllowed": value} if isinstance(value, bool) else value


class UpsertContact(ActionModel, ContactFields):
    """Create the contact, or write attributes, subscriptions and identifiers of the one that is there."""

    action: Literal["upsertContact"] = "upsertContact"

    @property
    def contact(self) -> ContactFields:
        return self
