"""Sessions: where people are signed in. A session is known by the SHA-256 of its token alone."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.people_tables import sessions, users
from gateway.store.rows import plain


def insert_session(conn: Connection, row: dict[str, Any]) -> None:
    conn.execute(insert(sessions).values(**row))


def find_session(conn: Connection, sha256: str, *, created_after: int, seen_after: int) -> dict[str, Any] | None:
    """Give a session in force with its person; none for somebody who was disabled."""
    row = conn.execute(
        select(users, sessions.c.seen_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.sha256 == sha256,
            sessions.c.created_at > created_after,
            sessions.c.seen_at > seen_after,
            users.c.disabled_at.is_(None),
        )
    )
    found = row.mappings().first()
    return plain(found) if found else None


def touch_session(conn: Connection, sha256: str, seen_at: int) -> None:
    conn.execute(update(sessions).where(sessions.c.sha256 == sha256).values(seen_at=seen_at))


def list_sessions(conn: Connection, user_id: str, *, created_after: int, seen_after: int) -> list[dict[str, Any]]:
    in_force = (sessions.c.created_at > created_after) & (sessions.c.seen_at > seen_after)
    mine = select(sessions).where(sessions.c.user_id == user_id, in_force)
    return [plain(row) for row in conn.execute(mine.order_by(sessions.c.seen_at.desc())).mappings()]


def delete_session(conn: Connection, sha256: str) -> None:
    conn.execute(delete(sessions).where(sessions.c.sha256 == sha256))


def delete_sessions(conn: Connection, user_id: str, at: int, *, but: str = "") -> int:
    """Sign a person out everywhere, `but` in one session, and know no browser as theirs. Gives how many were ended."""
    conn.execute(update(users).where(users.c.id == user_id).values(devices_since=at))
    return conn.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.sha256 != but)).rowcount


def delete_stale_sessions(conn: Connection, *, created_before: int, seen_before: int) -> None:
    conn.execute(
        delete(sessions).where((sessions.c.created_at <= created_before) | (sessions.c.seen_at <= seen_before))
    )
