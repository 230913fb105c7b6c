"""Lists: their names, and who is on them."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from gateway.store import dialect
from gateway.store.tables import lists, memberships


def find_lists(connection: Connection, names: Collection[str]) -> set[str]:
    """Give those of the names that are lists."""
    if not names:
        return set()
    return set(connection.scalars(select(lists.c.name).where(dialect.one_of(connection, lists.c.name, names))))


def create_lists(connection: Connection, names: Collection[str], created_at: int) -> None:
    dialect.insert_rows(connection, lists, [{"name": name, "created_at": created_at} for name in sorted(names)])


def join_lists(connection: Connection, members: Collection[tuple[int, str]]) -> None:
    dialect.upsert(connection, memberships, [{"contact_id": contact, "list": name} for contact, name in members])


def leave_lists(connection: Connection, members: Collection[tuple[int, str]]) -> None:
    if members:
        is_this = (memberships.c.contact_id == bindparam("contact")) & (memberships.c.list == bindparam("name"))
        connection.execute(
            memberships.delete().where(is_this), [{"contact": contact, "name": name} for contact, name in members]
        )
