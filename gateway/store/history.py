"""History: the ledger as people read it, of one contact by page, and of one event.

Takes a contact or an event, gives effects in the order of their clocks. Never says what one changed: that is
operations/timeline's.
"""

from collections.abc import Collection

from sqlalchemy import Connection, func, select, union_all

from gateway.store import dialect
from gateway.store.effects import Effect, Kind, read_effects
from gateway.store.tables import effects, identifiers


def find_contact_id(connection: Connection, key: str, value: str) -> int | None:
    is_this = (identifiers.c.value == value) & (identifiers.c.key == key)
    return connection.scalar(select(identifiers.c.contact_id).where(is_this))


def count_shaping(connection: Connection, contact_id: int, count_max: int) -> int:
    """Count a contact's effects but its activities, up to a limit."""
    some = (
        select(effects.c.event_id)
        .where(effects.c.contact_id == contact_id, effects.c.kind != Kind.ACTIVITY.value)
        .limit(count_max)
    )
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


def list_contact_effects(connection: Connection, contact_id: int, *, before: str | None, limit: int) -> list[Effect]:
    """Give a page of a contact's effects, the newest clock first; the next one begins before the last clock of this."""
    parts = []
    for kind in Kind:  # the index knows the order within a kind
        part = select(effects.c.event_id, effects.c.action_index, effects.c.item_index, effects.c.clock).where(
            effects.c.contact_id == contact_id, effects.c.kind == kind.value
        )
        if before is not None:
            part = part.where(effects.c.clock < before)
        parts.append(select(*part.order_by(effects.c.clock.desc()).limit(limit).subquery().c))
    near = union_all(*parts).subquery("near")
    newest = select(near).order_by(near.c.clock.desc()).limit(limit).subquery("newest")
    is_same = (
        (effects.c.event_id == newest.c.event_id)
        & (effects.c.action_index == newest.c.action_index)
        & (effects.c.item_index == newest.c.item_index)
    )
    chosen = select(effects).join(newest, is_same).order_by(effects.c.clock.desc())
    return read_effects(connection, chosen)


def list_event_effects(connection: Connection, event_ids: Collection[str], limit: int) -> list[Effect]:
    """Give what events have left in the ledger, action by action."""
    order = (effects.c.event_id, effects.c.action_index, effects.c.item_index)
    is_theirs = dialect.one_of(connection, effects.c.event_id, event_ids)
    return read_effects(connection, select(effects).where(is_theirs).order_by(*order).limit(limit))
