"""From a page of one source to the same page of another, by links that need no JavaScript."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from running import Running
from staffed import page, staff, write
from visitors import House, Visitor

from console.site import find_sections
from gateway.operations.sources import add_source, pause_source, remove_source

pytestmark = pytest.mark.asyncio(loop_scope="session")

OURS, THEIRS = "swi-ours", "swi-theirs"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    house = await staff(running, "switch", OURS, THEIRS)
    await add_source(house.op, "swi-shop", plugin="shopify")
    yield house


async def offered(visitor: Visitor, **query: str) -> dict[str, str]:
    """Give where the list leads, by the name of the source."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    text = (await page(visitor, f"/sources/{OURS}/switch?{asked}")).partition('id="switch_rows"')[2]
    return {name: url for url, name in re.findall(r'<a href="([^"]+)"[^>]*>(swi-[\w-]+)', text)}


TABS = {
    "sources:show": "",
    "script:edit": "/script",
    "versions:index": "/versions",
    "tuning:settings": "/settings",
    "tuning:secret_list": "/secrets",
    "tuning:limit_list": "/limits",
    "tuning:redaction": "/redaction",
    "incoming:captured": "/captured",
    "incoming:fixture_list": "/fixtures",
}


@pytest.mark.parametrize(("to", "below"), TABS.items())
async def test_each_page_of_a_source_leads_to_the_same_page_of_another(house: House, to: str, below: str) -> None:
    visitor = await house.signed_in("integrator")
    text = await page(visitor, f"/sources/{OURS}{below}")
    assert f'<input type="hidden" name="to" value="{to}">' in text
    assert f'href="/sources/{OURS}/switch?to={to.replace(":", "%3A")}"' in text
    assert (await offered(visitor, to=to))[THEIRS] == f"/sources/{THEIRS}{below}"
    await page(visitor, f"/sources/{THEIRS}{below}")


async def test_a_form_that_is_drawn_again_leads_from_its_page(house: House) -> None:
    text = await write(await house.signed_in("admin"), f"/sources/{OURS}/limits", 422, wall_seconds="a while")
    assert '<input type="hidden" name="to" value="tuning:limit_list">' in text


async def test_where_the_other_source_has_no_such_page_it_leads_to_its_overview(house: House) -> None:
    visitor = await house.signed_in("viewer")
    found = await offered(visitor, to="sources:guide")
    assert found["swi-shop"] == "/sources/swi-shop/guide"
    assert found[THEIRS] == f"/sources/{THEIRS}"
    for to in ("script:edit", "nonsense", "", "sources:remove", "versions:show", "home:index", "events:index"):
        assert (await offered(visitor, to=to))[THEIRS] == f"/sources/{THEIRS}", f"{to}: not theirs to open, or no page"


async def test_only_what_its_reader_may_see_is_offered(house: House) -> None:
    assert {OURS, THEIRS, "swi-shop"} <= set(await offered(await house.signed_in("viewer")))
    ours = await house.signed_in("ours")
    assert set(await offered(ours)) == {OURS}
    assert set(await offered(ours, q="theirs")) == set()
    assert (await ours.get(f"/sources/{THEIRS}/switch")).status_code == 403
    assert (await (await house.signed_in("viewer")).get("/sources/nothing/switch")).status_code == 404


async def test_it_is_found_by_a_part_of_name_or_title(house: House) -> None:
    visitor = await house.signed_in("viewer")
    assert set(await offered(visitor, q="I-THEIR")) == {THEIRS}
    assert set(await offered(visitor, q="shopify")) == {"swi-shop"}
    assert "No source goes by “nowhere”" in await page(visitor, f"/sources/{OURS}/switch?q=nowhere")


async def test_a_paused_source_says_so_and_a_removed_one_is_gone(house: House) -> None:
    visitor = await house.signed_in("viewer")
    await add_source(house.op, "swi-rests")
    await pause_source(house.op, "swi-rests")
    assert "paused" in await page(visitor, f"/sources/{OURS}/switch?q=rests")
    await remove_source(house.op, "swi-rests")
    assert "swi-rests" not in await offered(visitor)


async def test_of_many_the_first_are_shown_and_how_many_more_there_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.sources.SWITCH_MAX", 2)
    visitor = await house.signed_in("viewer")
    text = await page(visitor, f"/sources/{OURS}/switch?q=swi-")
    assert "1 more: type a part of the name" in text
    assert len(await offered(visitor, q="swi-")) == 2


async def test_htmx_hears_the_rows_alone(house: House) -> None:
    visitor = await house.signed_in("viewer")
    headers = {"hx-request": "true", "hx-target": "switch_rows"}
    answer = await visitor.get(f"/sources/{OURS}/switch?to=tuning:settings", **headers)
    assert answer.text.lstrip().startswith('<div id="switch_rows"')
    assert "<form" not in answer.text


async def test_every_tab_is_among_the_pages_that_were_tried() -> None:
    pages = {
        route.name
        for section in find_sections()
        for route in section.routes
        if route.method == "GET" and re.findall("{.*?}", route.path) == ["{source}"]
    }
    assert pages == set(TABS) | {"sources:curl", "sources:guide", "sources:switch", "versions:diff", "versions:review"}
