"""Events in a browser: they come in by themselves, are walked through by keys, repaired, and told on a phone too."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from threading import Event as Signal
from typing import Any

import httpx
import orjson
import pytest
from browsing import QUIET
from playwright.sync_api import Browser, Page, expect
from running import OPEN_SCRIPT, PATIENCE_SECONDS, WORD, Running, serving, working
from test_every_page import look

from gateway.operations.operator import open_operator
from gateway.operations.scripts import push_script

MENDED = OPEN_SCRIPT.replace('request.json["visits"]', 'request.json.get("visits", 0)')


class Shop:
    """The gateway and the worker beside the console, in a thread of their own, with one source that breaks."""

    def __init__(self, settings: Any) -> None:
        self._settings, self._ready, self._stop = settings, Signal(), Signal()
        self._thread = ThreadPoolExecutor(1)
        self._run = self._thread.submit(asyncio.run, self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            self.op = await stack.enter_async_context(open_operator(self._settings, actor="test"))
            address = await stack.enter_async_context(serving(self._settings))
            await stack.enter_async_context(working(self._settings))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS))
            self.running = Running(self._settings, self.op, http, {})
            self.running.admin = await self.running.make_key("admin")
            await self.running.add_source("shop")
            self._ready.set()
            while not self._stop.is_set():
                await asyncio.sleep(0.05)

    def wait(self) -> "Shop":
        while not self._ready.wait(0.05):
            assert not self._run.done(), self._run.result()
        return self

    def call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)

    def post(self, **document: Any) -> str:
        return str(self.call(self._post(document)))

    async def _post(self, document: dict[str, Any]) -> str:
        answer = await self.running.http.post("/in/shop", content=orjson.dumps(document), headers=WORD)
        event_id = str(answer.json()["id"])
        await self.running.event(event_id)
        return event_id

    def close(self) -> None:
        self._stop.set()
        self._run.result(PATIENCE_SECONDS)
        self._thread.shutdown()


@pytest.fixture(scope="module")
def shop(console) -> Iterator[Shop]:
    shop = Shop(console.settings).wait()
    yield shop
    shop.close()


def test_events_come_in_by_themselves_and_stand_still_for_who_reads(admin: Page, shop: Shop) -> None:
    first = shop.post(email="first@example.com", visits=1)
    admin.goto("/events")
    expect(admin.locator(f"#{first}")).to_be_visible()
    second = shop.post(email="second@example.com", visits=1)
    expect(admin.locator(f"tr#{second}.is-new")).to_be_visible()
    expect(admin.locator("[data-tail-state]")).to_have_text("live")
    admin.keyboard.press("j")
    admin.keyboard.press("x")
    expect(admin.locator(f"#{second} input")).to_be_checked()
    expect(admin.locator(".selection")).to_be_visible()
    third = shop.post(email="third@example.com", visits=1)
    expect(admin.locator("[data-tail-state]")).to_have_text("paused while you read")
    expect(admin.locator(f"#{third}")).to_have_count(0)
    admin.keyboard.press("Enter")
    expect(admin.locator("h1")).to_have_text(second)
    admin.go_back()
    expect(admin.locator("h1")).to_have_text("Events")
    expect(admin.locator(f"#{third}")).to_be_visible()


def test_a_failure_is_repaired_from_its_issue(admin: Page, shop: Shop) -> None:
    failed = [shop.post(email=f"f{number}@example.com") for number in range(3)]
    admin.goto(f"/events/{failed[0]}")
    expect(admin.get_by_text("The script failed in transform.")).to_be_visible()
    admin.get_by_role("region", name="What to do").get_by_role("link", name="the issue").click()
    expect(admin.locator("h1")).to_have_text("KeyError: visits")
    shop.call(push_script(shop.op, "shop", MENDED, is_published=True))
    admin.get_by_role("link", name="Replay all 3 after the fix").click()
    expect(admin.locator(".large-count")).to_have_text("3 deliveries to replay")
    admin.get_by_role("button", name="Replay 3").click()
    expect(admin.get_by_text("Every one of them went through.")).to_be_visible()
    admin.goto(f"/events/{failed[1]}")
    expect(admin.locator(".life")).to_contain_text("Taken again")


def test_a_copy_is_edited_and_its_page_waits_for_it(admin: Page, shop: Shop) -> None:
    event_id = shop.post(email="edit@example.com", visits=1)
    admin.goto(f"/events/{event_id}")
    admin.get_by_role("link", name="As curl").click()
    expect(admin.locator("#curl_command pre")).to_contain_text("curl -g -X POST")
    admin.get_by_role("link", name="Edit and replay").click()
    admin.fill("[name=body]", '{"email": "edit@example.com", "visits": 7}')
    admin.get_by_role("button", name="Send the copy").click()
    expect(admin.locator(".life")).to_contain_text("Applied")
    expect(admin.locator("#effects")).to_contain_text("visits")
    expect(admin.locator(".life a", has_text=event_id)).to_be_visible()


def test_the_pages_of_one_thing_are_sound_in_both_themes_and_sizes(admin: Page, shop: Shop) -> None:
    event_id = shop.post(email="x" * 60 + "@example.com", visits="y" * 400)
    bad = shop.post(visits=1)
    issue = shop.call(shop.running.event(bad))["issue"]
    for path in (
        f"/events/{event_id}",
        f"/events/{bad}",
        f"/events/{bad}/edit",
        f"/issues/{issue}",
        f"/bulk/new?kind=replay&issue={issue}&status=failed",
    ):
        admin.set_viewport_size({"width": 1280, "height": 860})
        assert admin.goto(path).status == 200
        look(admin)
    admin.goto("/bulk")
    if link := admin.locator("tbody th a").first.get_attribute("href"):
        admin.goto(link)
        look(admin)


def test_a_search_is_an_address_that_can_be_shared(admin: Page, shop: Shop) -> None:
    good, bad = (
        shop.post(email="share@example.com", visits=1),
        shop.post(email="share@example.com", visits="x", t="gem"),
    )
    admin.goto("/events")
    admin.get_by_role("textbox", name="Text in the payload").fill("gem")
    admin.get_by_role("button", name="Find").click()
    expect(admin.locator(f"#{bad}")).to_be_visible()
    expect(admin.locator(f"#{good}")).to_have_count(0)
    expect(admin).to_have_url(re.compile(r"/events\?text=gem$"))  # and nothing of what was left empty
    admin.get_by_role("link", name="applied").first.click()
    expect(admin.locator(".toggle[aria-current]")).to_have_text("applied")
    admin.go_back()
    admin.go_back()
    expect(admin.locator(f"#{good}")).to_be_visible()


@pytest.mark.parametrize(
    "away", [Page.go_back, lambda page: page.click(".menu >> text=Sources")], ids=["back", "a link"]
)
def test_a_page_that_back_asked_for_is_let_go_of_where_it_is_left_again(admin: Page, away: Callable) -> None:
    """Its answer might come after the other's, and would stand under an address that is not its own."""
    admin.goto("/sources")
    for name in ("Events", "Issues"):
        admin.click(f".menu >> text={name}")
        expect(admin.locator("h1")).to_have_text(name)
    admin.route("**/events", lambda route: None)  # it is never answered
    with admin.expect_request("**/events"):
        admin.go_back()
    with admin.expect_event("requestfailed", lambda request: request.url.endswith("/events")):
        away(admin)
    expect(admin.locator("h1")).to_have_text("Sources")


def test_a_typed_time_counts_in_the_zone_that_stands_beside_the_field(
    browser: Browser, console: Any, admin_state: dict, shop: Shop
) -> None:
    shop.post(email="zone@example.com", visits=1)
    abroad = QUIET | {"timezone_id": "America/New_York"}
    context = browser.new_context(base_url=console.url, storage_state=admin_state, **abroad)
    page = context.new_page()
    page.goto("/events")
    expect(page.locator("label[for=f-since]")).to_have_text("Since America/New_York")
    page.fill("#f-since", "2026-01-31T12:00")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**/events?since=2026-01-31T12%3A00&zone=America%2FNew_York")
    page.goto("/events")
    page.fill("#f-since", "15m")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url(lambda url: url.endswith("/events?since=15m"))
    page.goto("/events?since=2026-01-31T12:00&zone=Europe/Vienna")
    expect(page.locator("label[for=f-since]")).to_have_text("Since Europe/Vienna")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**zone=Europe%2FVienna*")
    context.close()


def test_a_list_of_events_opens_quickly(admin: Page, shop: Shop, figure: Callable[[str], None]) -> None:
    began_at = time.monotonic()
    admin.goto("/events?status=applied")
    weight = len(admin.content())
    figure(f"a list of events: {weight / 1024:.0f} KiB of page after {(time.monotonic() - began_at) * 1000:.0f} ms")
    assert weight < 200 * 1024
