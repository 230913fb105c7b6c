"""Where a page leads its reader, they may go: every link of every page that one gets to, role by role."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
import pytest_asyncio
from running import Running
from staffed import post, staff
from starlette.routing import compile_path
from visitors import BASE, House

from console.section import Route
from console.site import find_sections
from gateway.operations import bulk
from gateway.operations.filters import save_filter
from gateway.operations.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUTES = [route for section in find_sections() for route in section.routes]
PEOPLE = ("viewer", "integrator", "admin", "ours", "looks")
# Lists of other tests' events would lead on and on: of each route this many pages say how it links.
PAGES_OF_A_ROUTE = 4


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    house = await staff(running, "links", "links-ours", "links-theirs")
    house.people["looks"] = await house.add("links-looks@example.com", "viewer", "links-ours")
    for source in ("links-ours", "links-theirs"):
        await post(running, source, email="links@example.com", visits=1)
        await post(running, source, email="broken@example.com")
    await bulk.bulk_create(house.op, "replay", EventFilter(sources=("links-ours",), statuses=("held",)))
    await save_filter(house.op, "mine", "source=links-ours")
    yield house


@pytest.mark.parametrize("who", PEOPLE)
async def test_no_page_leads_to_a_page_that_its_reader_may_not_see(house: House, who: str) -> None:
    visitor = await house.signed_in(who)
    waiting, seen, looked = {"/": "the door"}, set[str](), dict[str, int]()
    while waiting:
        path, leading = waiting.popitem()
        seen.add(path)
        route = _route_of(path)
        name = route.name if route else path
        looked[name] = looked.get(name, 0) + 1
        if looked[name] > PAGES_OF_A_ROUTE:
            continue
        answer = await visitor.get(path)
        assert answer.status_code != 403, f"{leading} leads {who} to {path}"
        if answer.headers.get("content-type", "").startswith("text/html"):
            waiting |= {link: path for link in _links(path, answer.text) if link not in seen}
        elif location := answer.headers.get("location"):
            waiting |= {location: path} if location not in seen else {}
    assert {"overview:index", "events:show", "sources:show", "issues:show", "bulk:show", "queue:index"} <= set(looked)


def _links(path: str, text: str) -> set[str]:
    found = re.findall(r'<a\b[^>]*? href="([^"]*)"|(?:hx-get|data-from)="([^"]*)"', text)
    absolute = [urlsplit(urljoin(f"{BASE}{path}", unescape(one or other))) for one, other in found]
    ours = [link for link in absolute if link.netloc == urlsplit(BASE).netloc]
    return {f"{link.path}?{link.query}" if link.query else link.path for link in ours}


def _route_of(path: str) -> Route | None:
    path = path.partition("?")[0]
    return next((route for route in ROUTES if route.method == "GET" and compile_path(route.path)[0].match(path)), None)
