"""Operation: one thing that can be asked of an API, described once: routes and the OpenAPI document are made of it.

Takes an address, who may, what goes in and what comes out; never serves anything itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import BadRequest, Forbidden, HookwrightError, NotFound, NotGenuine, TooLarge, Unprocessable

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")

# What may be answered to any call that has a key, a path, a body.
KEYED: tuple[type[HookwrightError], ...] = (NotGenuine, Forbidden)
ADDRESSED: tuple[type[HookwrightError], ...] = (NotFound,)
READ: tuple[type[HookwrightError], ...] = (BadRequest, TooLarge, Unprocessable)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of the query string, or of the head."""

    name: str
    meaning: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    path: str  # as Starlette writes it
    tag: str
    summary: str
    description: str = ""
    roles: frozenset[str] = frozenset()  # empty: whoever comes
    parameters: tuple[Parameter, ...] = ()
    body: type | None = None  # a pydantic model
    answer: Any = None  # what a TypeAdapter takes; None: nothing comes back
    status: int = 200
    errors: tuple[type[HookwrightError], ...] = ()  # beyond those of every call of its kind

    @property
    def address(self) -> str:
        """Give the path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def path_names(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def all_errors(self) -> tuple[type[HookwrightError], ...]:
        keyed = KEYED if self.roles else ()
        addressed = ADDRESSED if self.path_names else ()
        asked = (BadRequest,) if self.parameters else ()
        read = READ if self.body else ()
        return tuple(dict.fromkeys([*keyed, *addressed, *asked, *read, *self.errors]))
