"""Call: one request as a handler sees it; Group: how a module declares what can be asked of it.

Takes a handler whose docstring is the operation's description; gives an Endpoint: the description and the handler
together, so that a route cannot be without the one or the other.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from gateway.access import MAY_READ
from gateway.api.operation import Operation, Parameter
from gateway.errors import BadRequest, Forbidden, HookwrightError, NotFound
from gateway.operations.operator import Operator
from gateway.registry import Key

MAY_BUILD = frozenset({"integrator", "admin"})
MAY_RULE = frozenset({"admin"})

PAGE, PAGE_MAX = 50, 500
AFTER = Parameter("after", "Where the page begins: `next` of the page before.")
LIMIT = Parameter("limit", "How many a page.", {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE})
PAGED = (AFTER, LIMIT)


@dataclass(frozen=True, slots=True)
class Call:
    op: Operator  # acts in the name of the key
    key: Key
    request: Request
    body: Any  # what the operation takes, read; None where it takes nothing

    def named(self, name: str) -> str:
        """Give what stands in the path."""
        return str(self.request.path_params[name])

    @property
    def source(self) -> str:
        return self.named("source")

    def asked(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default).strip()

    def asked_number(self, name: str, default: int, most: int) -> int:
        """Give a whole number from 1 on. Raises BadRequest."""
        text = self.asked(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
            raise BadRequest(f"{name} is a whole number from 1 to {most}")
        return int(text)

    @property
    def limit(self) -> int:
        return self.asked_number("limit", PAGE, PAGE_MAX)

    @property
    def reach(self) -> frozenset[str]:
        """Give the only sources that this key reaches; none: every one."""
        return self.key.sources

    def require_reach(self, source: str | None, missing: str) -> None:
        """Demand that the key reaches a source that the path does not name. Raises NotFound: it learns nothing."""
        if not self.key.reaches(source or ""):
            raise NotFound(missing)

    def require_role(self, roles: frozenset[str]) -> None:
        """Demand more than the operation does, for what was asked beside. Raises Forbidden."""
        if self.key.role not in roles:
            raise Forbidden(f"a key of role {self.key.role} may not do this; it takes {' or '.join(sorted(roles))}")

    def require_every_source(self) -> None:
        if self.reach:
            raise Forbidden("this is about every source, and this key reaches some: it takes a key of all sources")


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    operation: Operation
    handle: Handler
    body_bytes_max: int


class Group:
    """The operations of one noun."""

    def __init__(self, tag: str, meaning: str) -> None:
        self.tag, self.meaning = tag, meaning
        self.endpoints: list[Endpoint] = []

    def takes(
        self,
        method: str,
        path: str,
        *,
        roles: frozenset[str] = MAY_READ,
        body: type | None = None,
        answer: Any = None,
        status: int = 200,
        parameters: Iterable[Parameter] = (),
        errors: Iterable[type[HookwrightError]] = (),
        body_bytes_max: int = 1024 * 1024,
    ) -> Callable[[Handler], Handler]:
        """Declare an operation; the docstring's first line is its summary, the rest its description."""

        def add(handle: Handler) -> Handler:
            summary, _, description = inspect.getdoc(handle).partition("\n")  # type: ignore[union-attr] # a test demands one
            operation = Operation(
                name=handle.__name__,
                method=method,
                path=path,
                tag=self.tag,
                summary=summary.rstrip("."),
                description=" ".join(description.split()),
                roles=roles,
                parameters=tuple(parameters),
                body=body,
                answer=answer,
                status=204 if answer is None else status,
                errors=tuple(errors),
            )
            self.endpoints.append(Endpoint(operation, handle, body_bytes_max))
            return handle

        return add


def page(rows: Iterable[Mapping[str, Any]], key: str, call: Call, name: str) -> dict[str, Any]:
    """Cut a page out of rows that lie in order of what `key` gives; `after` is the last one of the page before."""
    every, after, limit = list(rows), call.asked("after"), call.limit
    if after:
        places = [place for place, row in enumerate(every) if str(row[key]) == after]
        if not places:
            raise BadRequest(f'after="{after[:64]}" is no place in this list: begin again without it')
        every = every[places[0] + 1 :]
    return {name: every[:limit], "next": str(every[limit - 1][key]) if len(every) > limit else None}
