"""Effects: the ledger, one row for every item of every action in force.

Takes and gives Effect; all else in the database about contacts, orders and records is a projection of
these rows. Never says what a row means, and never compares clocks: that is worker/apply's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, update

from gateway.store import dialect
from gateway.store.documents import dump, load
from gateway.store.tables import effects


class Kind(StrEnum):
    CONTACT = "contact"  # attributes and subscriptions
    ACTIVITY = "activity"  # the row is the activity: there is no other table
    MEMBER = "member"  # on a list, or off it
    ORDER = "order"
    SUPPLEMENT = "supplement"
    CART = "cart"


@dataclass(slots=True)
class Effect:
    event_id: str
    action_index: int
    item_index: int
    contact_id: int
    kind: Kind
    clock: str
    identifiers: dict[str, str]  # by which the action named the contact, as far as they are the contact's
    document: dict[str, Any]
    target: str | None = None  # of an order or a record


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a deleted effect was about: it has to be projected anew."""

    contact_id: int
    kind: Kind
    target: str | None


def insert_effects(connection: Connection, added: Collection[Effect]) -> None:
    rows = [
        {
            "event_id": effect.event_id,
            "action_index": effect.action_index,
            "item_index": effect.item_index,
            "contact_id": effect.contact_id,
            "kind": effect.kind.value,
            "target": effect.target,
            "clock": effect.clock,
            "identifiers": dump(effect.identifiers),
            "document": dump(effect.document),
        }
        for effect in added
    ]
    dialect.insert_rows(connection, effects, rows)


def withdraw_effects(connection: Connection, event_ids: Collection[str]) -> list[Withdrawn]:
    """Delete all effects of these events, and say what they were about."""
    if not event_ids:
        return []
    are_theirs = dialect.one_of(connection, effects.c.event_id, event_ids)
    found = connection.execute(select(effects.c.contact_id, effects.c.kind, effects.c.target).where(are_theirs)).all()
    connection.execute(effects.delete().where(are_theirs))
    return [Withdrawn(row.contact_id, Kind(row.kind), row.target) for row in found]


def move_effects(connection: Connection, moves: Mapping[int, int]) -> None:
    """Give the effects of each merged contact to the one that it went into."""
    if moves:
        connection.execute(
            update(effects).where(effects.c.contact_id == bindparam("loser")).values(contact_id=bindparam("winner")),
            [{"loser": loser, "winner": winner} for loser, winner in moves.items()],
        )


_SHAPING = tuple(kind.value for kind in Kind if kind is not Kind.ACTIVITY)


def load_contact_effects(connection: Connection, contact_ids: Collection[int]) -> list[Effect]:
    """Give all effects of these contacts but their activities, which shape nothing and may be very many."""
    if not contact_ids:
        return []
    return _load(
        connection, dialect.one_of(connection, effects.c.contact_id, contact_ids) & effects.c.kind.in_(_SHAPING)
    )


def load_target_effects(connection: Connection, targets: Collection[str]) -> list[Effect]:
    """Give all effects on these orders and records."""
    return _load(connection, dialect.one_of(connection, effects.c.target, targets)) if targets else []


def load_effects_at(connection: Connection, clocks: Mapping[str, str]) -> list[Effect]:
    """Give the effects on these orders and records that have these clocks: target -> clock."""
    if not clocks:
        return []
    are_theirs = dialect.one_of(connection, effects.c.target, clocks)
    return _load(connection, are_theirs & dialect.one_of(connection, effects.c.clock, set(clocks.values())))


def _load(connection: Connection, condition: ColumnElement[bool]) -> list[Effect]:
    return read_effects(connection, select(effects).where(condition))


def read_effects(connection: Connection, chosen: Select[Any]) -> list[Effect]:
    """Run a query of whole rows of the ledger."""
    return [_effect(row) for row in connection.execute(chosen)]


def _effect(row: Row[Any]) -> Effect:
    return Effect(
        row.event_id,
        row.action_index,
        row.item_index,
        row.contact_id,
        Kind(row.kind),
        row.clock,
        load(row.identifiers),
        load(row.document),
        row.target,
    )
