"""Sessions: sign in, stay signed in, sign out. Kept here, so that they can be ended here.

Takes the token of a browser's cookie, gives who is there. A session ends by itself after twelve hours of rest
and after seven days in all. Its token is kept as SHA-256 alone.
"""

import secrets as random
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from gateway import clock
from gateway.errors import NotGenuine, StoreBusy
from gateway.operations.operator import Operator
from gateway.operations.passwords import is_password
from gateway.operations.users import TOKEN_BYTES, hash_token
from gateway.store import sessions as rows
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.users import find_user_by_email

REST_SECONDS = 12 * 3600  # a working day: who comes back tomorrow signs in again
LIFE_SECONDS = 7 * 24 * 3600
TOUCH_SECONDS = 60  # seen_at is that coarse, so that reading a page does not write
BROWSER_CHARACTERS_MAX = 300
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, and in which session (its SHA-256)."""

    id: str
    email: str
    name: str
    role: str
    sources: frozenset[str]  # empty: every source
    session: str

    def reaches(self, source: str) -> bool:
        return not self.sources or source in self.sources


async def check_password(op: Operator, email: str, password: str) -> str:
    """Give the id of the person with this address and password. Raises NotGenuine, which never says which is wrong."""
    user = await op.read(lambda conn: find_user_by_email(conn, email.strip().lower()))
    is_right = await is_password(password, user["password_hash"] if user else None)
    if user is None or not is_right or user["disabled_at"] is not None:
        raise NotGenuine("e-mail address or password is wrong")
    return str(user["id"])


async def open_session(op: Operator, user_id: str, email: str, *, address: str, browser: str) -> str:
    """Sign a person in; gives the token for the browser's cookie, a new one each time."""
    token, at = random.token_urlsafe(TOKEN_BYTES), clock.now()

    def work(conn: Connection) -> None:
        rows.delete_stale_sessions(
            conn, created_before=at - LIFE_SECONDS * _SECOND, seen_before=at - REST_SECONDS * _SECOND
        )
        rows.insert_session(
            conn,
            {
                "sha256": hash_token(token),
                "user_id": user_id,
                "address": address,
                "browser": browser[:BROWSER_CHARACTERS_MAX],
                "created_at": at,
                "seen_at": at,
            },
        )
        write_audit(conn, at=at, actor=f"user:{email}", operation="session.open", subject=email, after=address)

    await op.write(work)
    return token


async def find_person(op: Operator, token: str) -> Person | None:
    """Give who holds this token, None where it is of no session in force."""
    session, at = hash_token(token), clock.now()
    row = await op.read(lambda conn: rows.find_session(conn, session, **_in_force(at)))
    if row is None:
        return None
    if at - row["seen_at"] > TOUCH_SECONDS * _SECOND:
        with suppress(StoreBusy):  # who only reads a page is not sent away for it
            await op.write(lambda conn: rows.touch_session(conn, session, at))
    return Person(row["id"], row["email"], row["name"], row["role"], frozenset(orjson.loads(row["sources"])), session)


async def list_sessions(op: Operator, person: Person) -> list[dict[str, Any]]:
    found = await op.read(lambda conn: rows.list_sessions(conn, person.id, **_in_force(clock.now())))
    return [
        {
            "address": row["address"],
            "browser": row["browser"],
            "created_at": clock.iso(row["created_at"]),
            "seen_at": clock.iso(row["seen_at"]),
            "is_this": row["sha256"] == person.session,
        }
        for row in found
    ]


async def end_session(op: Operator, person: Person) -> None:
    def work(conn: Connection) -> None:
        rows.delete_session(conn, person.session)
        write_audit(conn, at=clock.now(), actor=op.actor, operation="session.close", subject=person.email)

    await op.write(work)


async def audit_refusal(op: Operator, email: str, *, address: str, count: int) -> None:
    """Write that somebody was not let in, and how many tries of that address were refused lately.

    What was typed is written only where it is an account: people type passwords into the wrong field.
    """

    def work(conn: Connection) -> None:
        known = find_user_by_email(conn, email.strip().lower())
        subject, told = known["email"] if known else "no account", {"address": address, "count": count}
        actor = f"address:{address}"
        write_audit(conn, at=clock.now(), actor=actor, operation="session.refuse", subject=subject, after=told)

    await op.write(work)


async def end_other_sessions(op: Operator, person: Person) -> int:
    """Sign out everywhere but here; gives how many sessions were ended."""

    def work(conn: Connection) -> int:
        at = clock.now()
        told = {"count": rows.delete_sessions(conn, person.id, at, but=person.session)}
        write_audit(conn, at=at, actor=op.actor, operation="session.end_others", subject=person.email, after=told)
        return told["count"]

    return await op.write(work)


def _in_force(at: int) -> dict[str, int]:
    return {"created_after": at - LIFE_SECONDS * _SECOND, "seen_after": at - REST_SECONDS * _SECOND}
