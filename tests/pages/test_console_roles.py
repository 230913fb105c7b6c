"""Who may do what: over every route that there is, so that a new page is tested by existing."""

import pytest
from visitors import House, Visitor, fill

from console.access import NotSignedIn, Role, may, require
from console.section import Route, Section
from console.site import find_sections
from gateway.errors import Forbidden
from gateway.operations.sessions import Person
from gateway.operations.sources import add_source, list_sources
from gateway.operations.users import change_role, disable_user

ROUTES = sorted((route for section in find_sections() for route in section.routes), key=lambda route: route.name)
VISITORS = ("nobody", "viewer", "integrator", "admin")
OF_SOME = ("viewer", "integrator")

pytestmark = pytest.mark.asyncio(loop_scope="module")


def is_refused(status: int, location: str) -> bool:
    return status in (401, 403) or location.startswith("/sign-in")


@pytest.mark.parametrize("who", VISITORS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_route_lets_in_who_has_its_role_and_nobody_else(
    shared_house: House, route: Route, who: str
) -> None:
    visitor = await (shared_house.arriving() if who == "nobody" else shared_house.signed_in(who))
    path = fill(route.path)
    answer = await (visitor.get(path) if route.method == "GET" else visitor.post(path))
    is_allowed = VISITORS.index(who) >= route.role
    back_to_sign_in = route.name in ("signin:leave",) and is_allowed
    location = "" if back_to_sign_in else answer.headers.get("location", "")
    assert is_refused(answer.status_code, location) is not is_allowed, (answer.status_code, answer.headers)
    assert answer.status_code < 500


@pytest.mark.parametrize("role", OF_SOME)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_who_has_some_sources_is_let_into_what_tells_them_apart(
    shared_house: House, route: Route, role: str
) -> None:
    visitor = await _of_some(shared_house, role)
    path = fill(route.path)
    answer = await (visitor.get(path) if route.method == "GET" else visitor.post(path))
    is_allowed = VISITORS.index(role) >= route.role and not route.is_of_all and "{source}" not in route.path
    assert (answer.status_code == 403) is not is_allowed, (answer.status_code, answer.text)


async def _of_some(house: House, role: str) -> Visitor:
    """Give somebody of this role, there for one source alone, which is not the one that addresses are filled with."""
    if f"some-{role}" not in house.people:
        if "something" not in {source["name"] for source in await list_sources(house.op)}:
            await add_source(house.op, "something")
        house.people[f"some-{role}"] = await house.add(f"some-{role}@example.com", role, "something")
    return await house.signed_in(f"some-{role}")


@pytest.mark.parametrize("route", [route for route in ROUTES if route.role > Role.ANYONE], ids=lambda route: route.name)
async def test_who_is_not_signed_in_is_shown_the_way_and_nothing_else(shared_house: House, route: Route) -> None:
    visitor = await shared_house.arriving()
    path = fill(route.path)
    answer = await (visitor.get(path) if route.method == "GET" else visitor.post(path))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert answer.text == ""


async def test_a_route_without_a_role_cannot_be_declared() -> None:
    section = Section("new")
    with pytest.raises(TypeError, match="role"):
        section.get("/new")
    with pytest.raises(TypeError, match="role"):
        section.post("/new")


async def test_the_door_is_open_to_a_handful_of_routes_alone() -> None:
    """Whoever adds one here has thought about it."""
    open_to_all = {route.name for route in ROUTES if route.role == Role.ANYONE}
    assert open_to_all == {"signin:sign_in", "signin:enter", "signin:welcome", "signin:join", "account:theme"}


def person(role: str, *sources: str) -> Person:
    return Person("usr_1", "ann@example.com", "Ann", role, frozenset(sources), "session")


async def test_a_person_of_some_sources_reaches_no_other() -> None:
    require(person("integrator", "shop"), Role.VIEWER, "shop")
    with pytest.raises(Forbidden, match="not among yours"):
        require(person("integrator", "shop"), Role.VIEWER, "till")
    with pytest.raises(Forbidden, match="takes the role admin"):
        require(person("integrator", "shop"), Role.ADMIN, "shop")
    with pytest.raises(NotSignedIn):
        require(None, Role.VIEWER, "shop")
    assert may(person("viewer"), Role.VIEWER, "till")


async def test_every_route_of_a_source_is_shut_to_who_does_not_reach_it(shared_house: House) -> None:
    """The role suffices, the source does not; what is checked is the word `source` in the path."""
    await add_source(shared_house.op, "mine")
    shared_house.people["of_mine"] = await shared_house.add("mine@example.com", "integrator", "mine")
    visitor = await shared_house.signed_in("of_mine")
    routes = [route for route in ROUTES if "{source" in route.path and route.role <= Role.INTEGRATOR]
    for route in routes:
        path = fill(route.path)
        answer = await (visitor.get(path) if route.method == "GET" else visitor.post(path))
        assert answer.status_code == 403, route.name
    assert all("{source}" in route.path for route in ROUTES if "/sources/{" in route.path), (
        "the door looks for that name"
    )


async def test_a_menu_names_only_what_its_person_may_open(shared_house: House) -> None:
    for role, is_of_some in [*((role, False) for role in VISITORS[1:]), *((role, True) for role in OF_SOME)]:
        visitor = await (_of_some(shared_house, role) if is_of_some else shared_house.signed_in(role))
        page = (await visitor.get("/account")).text
        for section in find_sections():
            if section.title:
                first = section.routes[0]
                is_shown = f'<a href="{first.path}" data-key' in page
                may_open = VISITORS.index(role) >= first.role and not (is_of_some and first.is_of_all)
                assert is_shown is may_open, (role, is_of_some, section.name)


async def test_a_role_that_is_taken_away_is_gone_at_the_next_click(shared_house: House) -> None:
    shared_house.people["fallen"] = await shared_house.add("fallen@example.com", "admin")
    visitor = await shared_house.signed_in("fallen")
    assert (await visitor.get("/people")).status_code == 200
    await change_role(shared_house.op, "fallen@example.com", "viewer", [])
    assert (await visitor.get("/people")).status_code == 403
    await disable_user(shared_house.op, "fallen@example.com")
    assert (await visitor.get("/account")).headers["location"].startswith("/sign-in")
