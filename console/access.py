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


def may(person: Person | None, role: Role, source: str | None = None) -> bool:
    return role_of(person) >= role and (source is None or person is None or person.reaches(source))


def require(person: Person | None, role: Role, source: str | None = None) -> None:
    """Let pass or raise NotSignedIn, Forbidden."""
    if may(person, role, source):
        return
    if person is None:
        raise NotSignedIn
    if role_of(person) < role:
        raise Forbidden(f"this takes the role {role.name.lower()}, and yours is {person.role}: ask an admin")
    raise Forbidden("this source is not among yours: ask an admin")
