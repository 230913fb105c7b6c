"""The console in this process, and people in front of it: what its tests share."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from running import free_port, prepare
from starlette.applications import Starlette

from console.app import build_console
from console.security import derive
from gateway.config import Settings
from gateway.operations.operator import Operator, open_operator
from gateway.operations.sessions import open_session
from gateway.operations.users import add_user
from gateway.store.users import update_user

PASSWORD = "a few good words"
ROLES = ("viewer", "integrator", "admin")
BASE = "http://console.localhost"


@dataclass
class Visitor:
    """A browser, of a person or of nobody."""

    http: httpx.AsyncClient
    cookie: str
    email: str = ""

    @property
    def token(self) -> str:
        return str(self.http.cookies.get(self.cookie) or "")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form of our own pages: with its token, and from our origin."""
        sent = {"csrf": derive(self.token, "csrf"), **(fields or {})}
        return await self.http.post(path, data=sent, headers={"origin": BASE, **headers})


@dataclass
class House:
    """The console, and whom one can send there."""

    app: Starlette
    op: Operator
    settings: Settings
    people: dict[str, dict[str, Any]]

    def visitor(self, email: str = "") -> Visitor:
        transport = httpx.ASGITransport(self.app)
        return Visitor(httpx.AsyncClient(transport=transport, base_url=BASE), self.cookie, email)

    @property
    def cookie(self) -> str:
        return f"hookwright_{self.settings.console_port}"

    async def signed_in(self, role: str) -> Visitor:
        """Give somebody who is signed in, in a session of their own."""
        person = self.people[role]
        visitor = self.visitor(person["email"])
        token = await open_session(self.op, person["id"], person["email"], address="192.0.2.1", browser="Firefox")
        visitor.http.cookies.set(self.cookie, token)
        return visitor

    async def arriving(self, path: str = "/sign-in") -> Visitor:
        """Give somebody unknown who has looked at a page, and has its cookie."""
        visitor = self.visitor()
        await visitor.get(path)
        return visitor

    async def add(self, email: str, role: str, *sources: str) -> dict[str, Any]:
        """Add a person who has taken their link: with one hash for all, since a hash takes its time."""
        user = await add_user(self.op, email, role, list(sources))
        values = {"name": email.partition("@")[0], "password_hash": _hash()}
        await self.op.write(lambda conn: update_user(conn, user["id"], **values))
        return user


@cache
def _hash() -> str:
    return PasswordHasher().hash(PASSWORD)


@asynccontextmanager
async def open_house(folder: Path, valkey_url: str, **settings: Any) -> AsyncIterator[House]:
    ready = prepare(folder, valkey_url, console_port=free_port(), **settings)
    async with open_operator(ready, actor="test") as op:
        house = House(build_console(op, ready), op, ready, {})
        for role in ROLES:
            house.people[role] = await house.add(f"{role}@example.com", role)
        yield house


def fill(path: str) -> str:
    """Give an address of a route: what it takes is filled with something that is not there."""
    return re.sub(r"{\w+(:\w+)?}", "nothing", path)
