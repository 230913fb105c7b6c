"""Supplements: records about a contact that are no orders, as applying writes them and as people read them.

A record is (origin, supplement, record id); its `target`, a JSON text of the three, is its key here
and in the ledger.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.store import dialect
from gateway.store.documents import dump, load
from gateway.store.tables import supplements


@dataclass(slots=True)
class StoredRecord:
    contact_id: int
    contact_clock: str
    values: dict[str, Any]
    clocks: dict[str, str]  # of each value


def load_records(connection: Connection, targets: Collection[str]) -> dict[str, StoredRecord]:
    if not targets:
        return {}
    rows = connection.execute(select(supplements).where(dialect.one_of(connection, supplements.c.target, targets)))
    return {row.target: _stored(row) for row in rows}


def _stored(row: Row[Any]) -> StoredRecord:
    return StoredRecord(row.contact_id, row.contact_clock, load(row.record), load(row.clocks))


def save_records(connection: Connection, changed: Mapping[str, StoredRecord]) -> None:
    dialect.upsert(connection, supplements, [_row(target, record) for target, record in changed.items()])


def _row(target: str, record: StoredRecord) -> dict[str, Any]:
    origin, supplement, record_id = load(target)
    return {
        "target": target,
        "origin": origin,
        "supplement": supplement,
        "record_id": record_id,
        "contact_id": record.contact_id,
        "contact_clock": record.contact_clock,
        "record": dump(record.values),
        "clocks": dump(record.clocks),
    }


def delete_records(connection: Connection, targets: Collection[str]) -> None:
    dialect.delete_one_of(connection, supplements.c.target, targets)


def move_records(connection: Connection, moves: Mapping[int, int]) -> None:
    if moves:
        connection.execute(
            update(supplements)
            .where(supplements.c.contact_id == bindparam("loser"))
            .values(contact_id=bindparam("winner")),
            [{"loser": loser, "winner": winner} for loser, winner in moves.items()],
        )


def list_records(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(supplements)
        .where(supplements.c.contact_id == contact_id)
        .order_by(supplements.c.origin, supplements.c.supplement, supplements.c.record_id)
    )
    return [{"origin": row.origin, "supplement": row.supplement, "record": load(row.record)} for row in rows]
