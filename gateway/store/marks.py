"""Marks: bookmarks of events, the one thing that people write on an event."""

from sqlalchemy import Connection, update

from gateway.store.tables import events


def set_bookmark(connection: Connection, event_id: str, at: int | None) -> bool:
    """Set the mark, or take it off with None; gives whether there is such an event."""
    marked = update(events).where(events.c.id == event_id).values(bookmarked_at=at)
    return connection.execute(marked).rowcount > 0
