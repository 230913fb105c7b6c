"""Site: all pages together. Found in pages/ by themselves, in the order that they give.

Takes the sections; gives routes by name, the menu, the addresses. Refuses two routes of one name.
"""

import re
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from urllib.parse import quote, urlencode

from console import pages
from console.access import may
from console.assets import Assets
from console.render import Renderer
from console.section import Finder, Route, Section
from console.security import Cookies
from console.visit import Visit
from gateway.config import Settings
from gateway.operations.comparing import Comparisons
from gateway.operations.sessions import Person

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of the menu."""

    name: str
    title: str
    url: str
    key: str


class Site:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cookies = Cookies(settings)
        self.sections = find_sections()
        self.routes = _by_name(self.sections)
        self.renderer = Renderer(Assets())
        self.comparisons = Comparisons()  # of this process: a restart forgets them

    def url(self, name: str, /, **values: Any) -> str:
        path = self.routes[name].path
        inside = set(_PARAMETER.findall(path))
        filled = _PARAMETER.sub(lambda found: quote(str(values[found[1]]), safe=""), path)
        query = urlencode({key: value for key, value in values.items() if key not in inside and value is not None})
        return f"{filled}?{query}" if query else filled

    def menu(self, person: Person | None) -> list[Entry]:
        """Give the words of the menu that this person may choose."""
        return [
            Entry(section.name, section.title, first.path, section.key)
            for section, first in ((section, section.routes[0]) for section in self.sections if section.routes)
            if section.title and person and may(person, first.role, is_of_all=first.is_of_all)
        ]

    def finders(self, person: Person | None) -> list[Finder]:
        return [finder for section in self.sections for role, finder in section.finders if may(person, role)]

    async def find(self, visit: Visit, text: str) -> str | None:
        """Give the address of what goes by this text: an id, an identifier, a name."""
        for finder in self.finders(visit.person):
            if found := await finder(visit, text):
                return found
        return None


def find_sections() -> list[Section]:
    """Give the section of every module in pages/ that has one."""
    modules = (import_module(f"{pages.__name__}.{found.name}") for found in iter_modules(pages.__path__))
    found = [module.section for module in modules if hasattr(module, "section")]
    return sorted(found, key=lambda section: (section.order, section.name))


def _by_name(sections: list[Section]) -> dict[str, Route]:
    routes = [route for section in sections for route in section.routes]
    named = {route.name: route for route in routes}
    assert len(named) == len(routes), "two routes have one name"
    assert all(not route.form or named[route.form].method == "GET" for route in routes), "form= names a page"
    return named
