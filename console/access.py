"""Access: who may do what. Roles are a ladder; a person may have some sources only.

Takes a person and what a route demands, gives a yes or raises: NotSignedIn, Forbidden. Fails closed.
"""

from enum import IntEnum

from gateway.errors import Forbidden
from gateway.operations.sessions import Person


class Role(IntEnum):
    ANYONE = 0  # also who is not signed in
    VIEWER = 1
    INTEGRATOR = 2
    ADMIN = 3


class NotSignedIn(Exception):
    """Answered by the way to the sign-in page, never by an error."""


def role_of(person: Person | None) -> Role:
    return Role[person.role.upper()] if person else Role.ANYONE


def may(person: Person | None, role: Role, source: str | None = None, *, is_of_all: bool = False) -> bool:
    """Tell whether somebody passes; `is_of_all`: where no source is told apart from the others."""
    if person is None or role_of(person) < role:
        return role is Role.ANYONE
    return not (is_of_all and person.sources) and (source is None or person.reaches(source))


def require(person: Person | None, role: Role, source: str | None = None, *, is_of_all: bool = False) -> None:
    """Let pass or raise NotSignedIn, Forbidden."""
    if may(person, role, source, is_of_all=is_of_all):
        return
    if person is None:
        raise NotSignedIn
    if role_of(person) < role:
        raise Forbidden(f"this takes the role {role.name.lower()}, and yours is {person.role}: ask an admin")
    if is_of_all:
        raise Forbidden("this is about every source, and yours are some: ask an admin")
    raise Forbidden("this source is not among yours: ask an admin")
