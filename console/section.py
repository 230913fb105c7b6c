"""Section: what a module of pages/ declares of itself: its word in the menu, its routes, its finder.

Takes handlers, gives Routes. There is no way to declare a route without a role.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from console.access import Role
from console.visit import Visit

Handler = Callable[[Visit], Awaitable[Response]]
Finder = Callable[[Visit, str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Route:
    name: str  # <section>:<function>
    method: str
    path: str
    role: Role
    handler: Handler
    form: str = ""  # of a write: the page that shows its form, drawn again when something is wrong
    menu: str = ""  # the word of the menu that it belongs to
    is_of_all: bool = False  # it tells no source apart, and is for who may see every one


class Section:
    def __init__(self, name: str, *, title: str = "", order: int = 0, key: str = "", under: str = "") -> None:
        """`title` puts the first route into the menu, at its place by `order`; `key` opens it after a `g`.

        `under` is the section of the menu that one without a title belongs to.
        """
        self.name, self.title, self.order, self.key, self.menu = name, title, order, key, under or name
        self.routes: list[Route] = []
        self.finders: list[tuple[Role, Finder]] = []

    def get(self, path: str, *, role: Role, is_of_all: bool = False) -> Callable[[Handler], Handler]:
        """Declare a page. `is_of_all`: for who may see every source, since it tells none apart."""
        return self._route("GET", path, role, "", is_of_all)

    def post(self, path: str, *, role: Role, form: str = "", is_of_all: bool = False) -> Callable[[Handler], Handler]:
        """Declare a write. `form` names the page that is drawn again, with what was typed, when it is refused."""
        return self._route("POST", path, role, form, is_of_all)

    def finder(self, *, role: Role) -> Callable[[Finder], Finder]:
        """Declare who turns a text of the search box into an address, or says None."""

        def add(finder: Finder) -> Finder:
            self.finders.append((role, finder))
            return finder

        return add

    def _route(self, method: str, path: str, role: Role, form: str, is_of_all: bool) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            name = getattr(handler, "__name__", "")
            self.routes.append(Route(f"{self.name}:{name}", method, path, role, handler, form, self.menu, is_of_all))
            return handler

        return add
