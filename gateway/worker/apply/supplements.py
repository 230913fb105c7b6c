"""Supplements: records about a contact. Every field is a register, and so is whose record it is.

With updatedDateField a record is as new as it says (but never newer than its receipt); equal dates, and
records without one, are decided by who said it last.
"""

from collections.abc import Iterator

from gateway.actions.supplements import UpsertSupplementRecords, record_time
from gateway.store.documents import dump
from gateway.store.effects import Effect, Kind
from gateway.store.supplements import StoredRecord
from gateway.worker.apply.clocks import dated, not_after
from gateway.worker.apply.telling import Telling


def tell(telling: Telling, action: UpsertSupplementRecords) -> Iterator[Effect]:
    who = telling.contact(action.contact)
    for index, record in enumerate(action.records):
        moment = record_time(record, action.updated_field, index) if action.updated_field else None
        at = not_after(moment, telling.event.received_at, default=telling.at)
        yield telling.effect(
            who,
            Kind.SUPPLEMENT,
            {"values": record},
            item_index=index,
            target=dump([telling.origin, action.supplement, str(record["id"]).strip()]),
            at=dated(at, telling.clock_of(index)),
        )


def step(record: StoredRecord | None, effect: Effect) -> StoredRecord:
    """Hear one effect on a record: the newest clock wins, per field."""
    if record is None:
        record = StoredRecord(effect.contact_id, "", {}, {})
    for name, value in effect.document["values"].items():
        if effect.clock > record.clocks.get(name, ""):
            record.values[name], record.clocks[name] = value, effect.clock
    if effect.clock > record.contact_clock:
        record.contact_id, record.contact_clock = effect.contact_id, effect.clock
    return record
