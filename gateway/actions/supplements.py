"""upsertSupplementRecords: records about a contact that are no orders: subscriptions, invoices, tickets …"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from gateway.actions.contacts import ActionModel, ContactRef
from gateway.actions.fields import Key, Name, is_name, read_instant


class UpsertSupplementRecords(ActionModel):
    """Write records; with updatedDateField a record older than the one that is there changes nothing."""

    action: Literal["upsertSupplementRecords"] = "upsertSupplementRecords"
    contact: ContactRef
    supplement: Key
    updated_field: Name | None = Field(None, alias="updatedDateField")
    records: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]

    @field_validator("records", mode="after")
    @classmethod
    def _each_has_an_id(cls, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for index, record in enumerate(records):
            identity = record.get("id")
            if type(identity) not in (str, int) or not is_name(str(identity).strip()):
                raise ValueError(f"record {index}: id is a text or an integer, and not blank")
        return records

    @model_validator(mode="after")
    def _each_has_its_date(self) -> "UpsertSupplementRecords":
        """Check that every record can be dated: one that cannot would win or lose by accident."""
        if self.updated_field is not None:
            for index, record in enumerate(self.records):
                record_time(record, self.updated_field, index)
        return self


def record_time(record: dict[str, Any], field: str, index: int = 0) -> datetime:
    """Read when a record was updated. Raises ValueError where the field is missing, unreadable or without a zone."""
    try:
        return read_instant(record.get(field))
    except ValueError as error:
        raise ValueError(f"record {index}: {field} is not a time with a zone") from error
