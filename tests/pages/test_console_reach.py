"""What belongs to somebody else's source is not there: over every route that names an event, an issue or a job."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from running import Running
from staffed import post, staff
from visitors import House

from console.section import Route
from console.site import find_sections
from gateway.operations.bulk import bulk_create
from gateway.operations.issues import list_issues
from gateway.operations.searching import EventFilter

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMED = ("event_id", "issue_id", "bulk_id")
MARK = "reach-hidden@example.com"
ROUTES = [
    route
    for section in find_sections()
    for route in section.routes
    if any(f"{{{name}}}" in route.path for name in NAMED)
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "reach", "reach-ours", "reach-theirs")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(running: Running, house: House) -> dict[str, str]:
    """Give an event, an issue and a job of a source that `ours` may not see."""
    event_id = await post(running, "reach-theirs", email=MARK)
    issue = (await list_issues(house.op, sources=["reach-theirs"]))["issues"][0]
    job = await bulk_create(house.op, "replay", EventFilter(sources=("reach-theirs",), statuses=("held",)))
    return {"event_id": event_id, "issue_id": issue["id"], "bulk_id": job["id"]}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_it_is_not_there_for_who_may_not_see_its_source(
    house: House, theirs: dict[str, str], route: Route
) -> None:
    visitor = await house.signed_in("ours")
    path = re.sub(r"{(\w+)}", lambda found: theirs[found[1]], route.path)
    answer = await (visitor.get(path) if route.method == "GET" else visitor.post(path, {"reason": "x", "act": "note"}))
    assert answer.status_code in (403, 404), (path, answer.status_code)
    assert MARK not in answer.text
    assert "KeyError" not in answer.text
    if route.method == "GET":
        admin = await house.signed_in("admin")
        assert (await admin.get(path)).status_code == 200, "it is there for others"
