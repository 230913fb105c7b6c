"""Identifiers: by which key and value a contact is found.

Takes pairs of key and value, gives contact ids. Identity only grows: a pair may move to another
contact by a merge, and is never taken away.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from gateway.store import dialect
from gateway.store.tables import identifiers

Identifier = tuple[str, str]  # key, value


def find_owners(connection: Connection, wanted: Collection[Identifier]) -> dict[Identifier, int]:
    if not wanted:
        return {}
    rows = connection.execute(
        select(identifiers.c.key, identifiers.c.value, identifiers.c.contact_id).where(
            dialect.one_of(connection, identifiers.c.value, {value for _, value in wanted})
        )
    )
    return {(key, value): contact_id for key, value, contact_id in rows if (key, value) in wanted}


def find_beginning(connection: Connection, beginning: str, limit: int) -> list[tuple[str, str, int]]:
    """Give (key, value, contact id) of the values that begin so, in order of value, by the primary key."""
    chosen = select(identifiers.c.key, identifiers.c.value, identifiers.c.contact_id).where(
        identifiers.c.value >= beginning, identifiers.c.value < beginning + "\U0010ffff"
    )
    rows = connection.execute(chosen.order_by(identifiers.c.value, identifiers.c.key).limit(limit))
    return [(key, value, contact_id) for key, value, contact_id in rows]


def load_held(connection: Connection, contact_ids: Collection[int]) -> dict[Identifier, int]:
    """Give every identifier that these contacts ever had."""
    if not contact_ids:
        return {}
    rows = connection.execute(
        select(identifiers.c.key, identifiers.c.value, identifiers.c.contact_id).where(
            dialect.one_of(connection, identifiers.c.contact_id, contact_ids)
        )
    )
    return {(key, value): contact_id for key, value, contact_id in rows}


def save_owners(connection: Connection, owners: Mapping[Identifier, int]) -> None:
    rows = [{"key": key, "value": value, "contact_id": owner} for (key, value), owner in owners.items()]
    dialect.upsert(connection, identifiers, rows)
