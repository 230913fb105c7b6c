"""Users: the people of the console, and the one-time links by which they come in. Links are known by SHA-256 alone."""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.errors import Conflict, NotFound
from gateway.store.people_tables import links, users
from gateway.store.rows import plain


def insert_user(conn: Connection, row: dict[str, Any]) -> None:
    """Add a person. Raises Conflict for an e-mail address that is taken."""
    if find_user_by_email(conn, row["email"]):
        raise Conflict(f"{row['email']} is one of the people already")
    conn.execute(insert(users).values(**row))


def find_user_by_email(conn: Connection, email: str) -> dict[str, Any] | None:
    row = conn.execute(select(users).where(users.c.email == email)).mappings().first()
    return plain(row) if row else None


def load_user(conn: Connection, user_id: str) -> dict[str, Any]:
    """Give a person by id or e-mail address. Raises NotFound."""
    row = conn.execute(select(users).where((users.c.id == user_id) | (users.c.email == user_id))).mappings().first()
    if row is None:
        raise NotFound(f"{user_id} is none of the people: hookwright users list")
    return plain(row)


def list_users(conn: Connection) -> list[dict[str, Any]]:
    return [plain(row) for row in conn.execute(select(users).order_by(users.c.email)).mappings()]


def update_user(conn: Connection, user_id: str, **values: Any) -> None:
    conn.execute(update(users).where(users.c.id == user_id).values(**values))


def delete_user(conn: Connection, user_id: str) -> None:
    """Take a person away, with sessions and links."""
    conn.execute(delete(users).where(users.c.id == user_id))


def has_admin(conn: Connection) -> bool:
    """Tell whether there is an admin who can sign in."""
    return count_other_admins(conn, "") > 0


def count_other_admins(conn: Connection, user_id: str) -> int:
    """Count the admins who could still sign in if this one could not."""
    able = (users.c.role == "admin") & users.c.disabled_at.is_(None) & users.c.password_hash.is_not(None)
    return conn.execute(select(func.count()).where(able, users.c.id != user_id)).scalar_one()


def insert_link(conn: Connection, sha256: str, user_id: str | None, expires_at: int) -> None:
    """Make this the only link in force of that person (None: of the first admin, who is nobody yet)."""
    delete_links(conn, user_id)
    conn.execute(insert(links).values(sha256=sha256, user_id=user_id, expires_at=expires_at))


def delete_links(conn: Connection, user_id: str | None) -> None:
    conn.execute(delete(links).where(links.c.user_id.is_not_distinct_from(user_id)))


def find_link(conn: Connection, sha256: str, now: int) -> dict[str, Any] | None:
    """Give a link that is in force."""
    row = conn.execute(select(links).where(links.c.sha256 == sha256, links.c.expires_at > now)).mappings().first()
    return plain(row) if row else None


def delete_link(conn: Connection, sha256: str) -> bool:
    """Use a link up. False where it was used up already."""
    return conn.execute(delete(links).where(links.c.sha256 == sha256)).rowcount == 1
