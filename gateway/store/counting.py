"""Counting: how many a filter finds, asked of the database in one question.

Takes an EventFilter without a payload; gives the number of events, or of the deliveries that a replay would take up.
"""

from sqlalchemy import Connection, and_, func, select

from gateway.store.pending import DISCARDABLE
from gateway.store.searching import EventFilter, conditions
from gateway.store.tables import events, is_standing


def count_deliveries_of(connection: Connection, chosen: EventFilter) -> int:
    """Count what a replay would take up: deliveries that a script has made actions of."""
    standing = events.alias("standing")
    is_told = and_(standing.c.delivery == events.c.delivery, is_standing("standing"))
    speaks = standing.c.id.is_(None) | (standing.c.id == events.c.id)
    joined = select(func.count(events.c.delivery.distinct())).select_from(events.outerjoin(standing, is_told))
    return connection.scalar(joined.where(*conditions(connection, chosen), speaks, events.c.key_id.is_(None))) or 0


def count_discardable_of(connection: Connection, chosen: EventFilter) -> int:
    """Count what can be discarded."""
    can_be = events.c.status.in_([status.value for status in DISCARDABLE])
    counted = select(func.count()).select_from(events).where(*conditions(connection, chosen), can_be)
    return connection.scalar(counted) or 0
