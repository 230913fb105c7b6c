"""Home: the first page of each person, and the search box, which leads on."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit

section = Section("home")


@section.get("/", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    menu = visit.site.menu(visit.person)
    return visit.go(menu[0].url if menu else visit.url("account:index"))


@section.get("/search", role=Role.VIEWER)
async def search(visit: Visit) -> Response:
    """Go to what was asked for, or say that nothing goes by that name."""
    text = visit.asked("q")
    found = await visit.site.find(visit, text) if text else None
    return visit.go(found) if found else visit.show("home/search.html", text=text)
