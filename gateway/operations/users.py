"""Users: the people of the console. They come in by a one-time link, and set their own password there.

Takes an e-mail address or an id for a person. The token of a link is given once and kept as SHA-256 alone.
One admin who can sign in is always left.
"""

import re
import secrets as random
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson

from gateway import clock
from gateway.errors import BadSetting, Conflict, NotFound, OperatorError
from gateway.ids import mint_user_id
from gateway.operations.operator import Operator
from gateway.operations.passwords import hash_password, is_password
from gateway.store import users as rows
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sessions import delete_sessions
from gateway.store.sources import load_source

ROLES_OF_PEOPLE = ("viewer", "integrator", "admin")
LINK_SECONDS = 3600
TOKEN_BYTES = 32
NAME_CHARACTERS_MAX = 80
USED_UP = "this link was used already, or it is older than an hour: ask an admin for a new one"
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,190}")


async def add_user(op: Operator, email: str, role: str, sources: list[str]) -> dict[str, Any]:
    """Add a person; gives them with `link_token`, shown once. Raises OperatorError, Conflict, NotFound (a source)."""
    row = _new_row(email, role, sources)

    def work(conn: Connection) -> None:
        _check_reach(conn, role, sources)
        rows.insert_user(conn, row)
        told = {"email": row["email"], "role": role, "sources": sources}
        _audit(conn, op, "user.add", row["email"], after=told)

    await op.write(work)
    return {**_document(row), "link_token": await create_link(op, row["id"])}


async def create_link(op: Operator, user: str) -> str:
    """Give the token of a new one-time link by which a person sets a password; earlier ones end. Raises NotFound."""
    token = random.token_urlsafe(TOKEN_BYTES)

    def work(conn: Connection) -> None:
        row = rows.load_user(conn, user)
        if row["disabled_at"] is not None:
            raise Conflict(f"{row['email']} is disabled: enable them first")
        rows.insert_link(conn, hash_token(token), row["id"], clock.now() + LINK_SECONDS * 1_000_000)
        _audit(conn, op, "user.link", row["email"])

    await op.write(work)
    return token


async def create_first_link(op: Operator) -> str | None:
    """Give the token of a link that makes an admin; None where there is one who can sign in."""
    token = random.token_urlsafe(TOKEN_BYTES)

    def work(conn: Connection) -> str | None:
        if rows.has_admin(conn):
            return None
        rows.insert_link(conn, hash_token(token), None, clock.now() + LINK_SECONDS * 1_000_000)
        return token

    return await op.write(work)


async def ensure_admin(op: Operator) -> None:
    """Make the admin of HOOKWRIGHT_ADMIN_EMAIL and _PASSWORD, unless they are one of the people already."""
    email, password = op.settings.admin_email, op.settings.admin_password.get_secret_value()
    if not email and not password:
        return
    if not (email and password):
        raise BadSetting("HOOKWRIGHT_ADMIN_EMAIL and HOOKWRIGHT_ADMIN_PASSWORD go together: set both, or none")
    try:
        row = _new_row(email, "admin", [])
        if await op.read(lambda conn: rows.find_user_by_email(conn, row["email"])):
            return
        row["password_hash"] = await hash_password(password)
    except OperatorError as error:
        raise BadSetting(f"HOOKWRIGHT_ADMIN_EMAIL, HOOKWRIGHT_ADMIN_PASSWORD: {error.detail}") from None

    def work(conn: Connection) -> None:
        if rows.find_user_by_email(conn, row["email"]) is None:
            rows.insert_user(conn, row)
            _audit(conn, op, "user.add", row["email"], after={"email": row["email"], "role": "admin", "sources": []})

    await op.write(work)


async def load_link(op: Operator, token: str) -> dict[str, Any]:
    """Say whom a link is for: `{email, name}`, both empty for the first admin. Raises NotFound."""

    def work(conn: Connection) -> dict[str, Any]:
        user = _link_user(conn, token)
        return {"email": user["email"], "name": user["name"]} if user else {"email": "", "name": ""}

    return await op.read(work)


async def take_link(op: Operator, token: str, *, email: str, name: str, password: str) -> dict[str, Any]:
    """Use a link up: set name and password, and be signed out elsewhere. `email` counts for the first admin alone.

    Gives the person. Raises NotFound, and OperatorError for a password or an address that will not do.
    """
    await load_link(op, token)  # a guess does not cost us a hash
    name, password_hash = _clean_name(name), await hash_password(password)

    def work(conn: Connection) -> dict[str, Any]:
        user = _link_user(conn, token)
        if not rows.delete_link(conn, hash_token(token)):
            raise NotFound(USED_UP)
        if user is None:
            user = _first_admin(conn, op, _new_row(email, "admin", []))
        rows.update_user(conn, user["id"], name=name, password_hash=password_hash)
        delete_sessions(conn, user["id"], clock.now())
        _audit(conn, replace(op, actor=f"user:{user['email']}"), "user.password", user["email"])
        return _document(rows.load_user(conn, user["id"]))

    return await op.write(work)


def _first_admin(conn: Connection, op: Operator, row: dict[str, Any]) -> dict[str, Any]:
    """Make the admin whom the first link lets in: also of somebody who was added, and has not come in yet."""
    told: dict[str, Any] = {"email": row["email"], "role": "admin", "sources": []}
    known = rows.find_user_by_email(conn, row["email"])
    if known and known["password_hash"] is None and known["disabled_at"] is None:
        rows.update_user(conn, known["id"], role=row["role"], sources=row["sources"])
        rows.delete_links(conn, known["id"])  # they were for somebody of another role
        row = rows.load_user(conn, known["id"])
    else:
        rows.insert_user(conn, row)
    _audit(conn, replace(op, actor=f"user:{row['email']}"), "user.add", row["email"], after=told)
    return row


def _link_user(conn: Connection, token: str) -> dict[str, Any] | None:
    link = rows.find_link(conn, hash_token(token), clock.now())
    if link is None or (link["user_id"] is None and rows.has_admin(conn)):
        raise NotFound(USED_UP)
    if link["user_id"] is None:
        return None
    user = rows.load_user(conn, link["user_id"])
    if user["disabled_at"] is not None:
        raise NotFound("this link is for somebody who was disabled: ask an admin")
    return user


async def list_users(op: Operator) -> list[dict[str, Any]]:
    return [_document(row) for row in await op.read(rows.list_users)]


async def show_user(op: Operator, user: str) -> dict[str, Any]:
    return _document(await op.read(lambda conn: rows.load_user(conn, user)))


async def change_role(op: Operator, user: str, role: str, sources: list[str]) -> None:
    """Change what a person may do, from their next request on. Raises Conflict for the last admin."""

    def change(conn: Connection, row: dict[str, Any]) -> dict[str, Any]:
        _check_reach(conn, role, sources)
        if role != "admin":
            _keep_an_admin(conn, row)
        return {"role": role, "sources": orjson.dumps(sources).decode()}

    await _change(op, user, "user.role", change, ("role", "sources"))


async def rename_user(op: Operator, user: str, name: str) -> None:
    await _change(op, user, "user.rename", lambda conn, row: {"name": _clean_name(name)}, ("name",))


async def disable_user(op: Operator, user: str) -> None:
    """Let a person in no more, also where they are signed in now. Raises Conflict for the last admin."""

    def change(conn: Connection, row: dict[str, Any]) -> dict[str, Any]:
        _keep_an_admin(conn, row)
        delete_sessions(conn, row["id"], clock.now())
        return {"disabled_at": clock.now()}

    await _change(op, user, "user.disable", change, ())


async def enable_user(op: Operator, user: str) -> None:
    await _change(op, user, "user.enable", lambda conn, row: {"disabled_at": None}, ())


async def remove_user(op: Operator, user: str) -> None:
    """Take a person away; what they did stays in the audit log. Raises Conflict for the last admin."""

    def work(conn: Connection) -> None:
        row = rows.load_user(conn, user)
        _keep_an_admin(conn, row)
        rows.delete_user(conn, row["id"])
        _audit(conn, op, "user.remove", row["email"], before={"role": row["role"]})

    await op.write(work)


async def change_password(op: Operator, user_id: str, old: str, new: str, *, but_session: str) -> None:
    """Set a new password for one who knows the old one; every other session ends. Raises OperatorError."""
    row = await op.read(lambda conn: rows.load_user(conn, user_id))
    if not await is_password(old, row["password_hash"]):
        raise OperatorError("the present password is another one")
    password_hash = await hash_password(new)

    def work(conn: Connection) -> None:
        rows.update_user(conn, user_id, password_hash=password_hash)
        delete_sessions(conn, user_id, clock.now(), but=but_session)
        _audit(conn, op, "user.password", row["email"])

    await op.write(work)


def hash_token(token: str) -> str:
    """Give what is kept of a random token: 32 random bytes need no slow hash."""
    return sha256(token.encode()).hexdigest()


async def _change(
    op: Operator,
    user: str,
    operation: str,
    change: Callable[[Connection, dict[str, Any]], dict[str, Any]],
    told: tuple[str, ...],
) -> None:
    def work(conn: Connection) -> None:
        before = rows.load_user(conn, user)
        rows.update_user(conn, before["id"], **change(conn, before))
        after = rows.load_user(conn, before["id"])
        documents = ({name: _document(row)[name] for name in told} or None for row in (before, after))
        _audit(conn, op, operation, before["email"], *documents)

    await op.write(work)


def _keep_an_admin(conn: Connection, row: dict[str, Any]) -> None:
    if row["role"] == "admin" and not rows.count_other_admins(conn, row["id"]):
        raise Conflict(f"{row['email']} is the only admin who can sign in: make somebody else one first")


def _check_reach(conn: Connection, role: str, sources: list[str]) -> None:
    if role not in ROLES_OF_PEOPLE:
        raise OperatorError(f'there is no role "{role}" for people: {", ".join(ROLES_OF_PEOPLE)}')
    if role == "admin" and sources:
        raise OperatorError("an admin reaches every source: choose another role, or no sources")
    for source in sources:
        load_source(conn, source)


def _new_row(email: str, role: str, sources: list[str]) -> dict[str, Any]:
    address = email.strip().lower()
    if not _EMAIL.fullmatch(address):
        raise OperatorError(f'"{email.strip()[:80]}" is no e-mail address')
    return {
        "id": mint_user_id(),
        "email": address,
        "name": "",
        "password_hash": None,
        "role": role,
        "sources": orjson.dumps(sources).decode(),
        "created_at": clock.now(),
        "disabled_at": None,
    }


def _clean_name(name: str) -> str:
    return " ".join(name.split())[:NAME_CHARACTERS_MAX]


def _document(row: dict[str, Any]) -> dict[str, Any]:
    state = "disabled" if row["disabled_at"] is not None else "active" if row["password_hash"] else "invited"
    return {
        "id": row["id"],
        "email": row["email"],
        "name": row["name"],
        "role": row["role"],
        "sources": orjson.loads(row["sources"]),
        "state": state,
        "created_at": clock.iso(row["created_at"]),
    }


def _audit(conn: Connection, op: Operator, operation: str, subject: str, before: Any = None, after: Any = None) -> None:
    write_audit(conn, at=clock.now(), actor=op.actor, operation=operation, subject=subject, before=before, after=after)
