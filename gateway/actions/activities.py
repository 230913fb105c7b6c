"""createContactactivities: things a contact did, each kept once."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.actions.contacts import ActionModel, ContactFields
from gateway.actions.fields import Document, Instant, Model, Name


class ActivityContact(ContactFields):
    """The contact of an activity: neither created nor changed unless the action says so."""

    is_creatable: bool = Field(False, alias="canBeCreated")
    is_updatable: bool = Field(False, alias="canBeUpdated")


class Activity(Model):
    name: Name
    time: Instant
    properties: Document = Field(default_factory=dict)
    geo: Document = Field(default_factory=dict)
    device: Document = Field(default_factory=dict)


class CreateContactActivities(ActionModel):
    """Record activities of a contact; without canBeCreated they wait until somebody brings the contact."""

    action: Literal["createContactactivities"] = "createContactactivities"
    contact: ActivityContact
    activities: Annotated[list[Activity], Field(alias="contactActivities", min_length=1, max_length=1000)]
