"""From one source to another in a browser: by typing a part of its name, by keys, on a phone, without JavaScript."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, Page, expect
from test_every_page import look

from gateway.operations.operator import open_operator
from gateway.operations.sources import add_source

SWITCH = "button[popovertarget=switch]"


@pytest.fixture(scope="module", autouse=True)
def _sources(console) -> None:
    async def add() -> None:
        async with open_operator(console.settings, actor="test") as op:
            for name in ("bookshop", "till-berlin", "till-hamburg", *(f"more-{number}" for number in range(20))):
                await add_source(op, name)

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        thread.submit(asyncio.run, add()).result()


def test_typing_a_part_of_the_name_leads_to_the_same_page_of_another_source(admin: Page) -> None:
    admin.goto("/sources/bookshop/settings")
    admin.click(SWITCH)
    rows = admin.locator("#switch_rows li")
    expect(rows).to_have_count(23)
    expect(rows.locator("[aria-current]")).to_have_text("bookshop")
    look(admin)
    admin.keyboard.type("ll-h")  # of its beginnings none leaves one row alone: one row is the last answer
    expect(rows).to_have_count(1)
    admin.keyboard.press("Tab")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/sources/till-hamburg/settings")
    expect(admin.locator("h1")).to_have_text("till-hamburg")
    expect(admin.locator("#switch")).to_be_hidden()


def test_it_is_closed_by_escape_and_opens_again_after_going_back(admin: Page) -> None:
    admin.goto("/sources/bookshop/script")
    admin.click(SWITCH)
    admin.click("#switch_rows >> text=till-berlin")
    admin.wait_for_url("**/sources/till-berlin/script")
    admin.go_back()
    admin.wait_for_url("**/sources/bookshop/script")
    expect(admin.locator("h1")).to_have_text("bookshop")
    admin.click(SWITCH)
    expect(admin.locator("#switch_rows li")).to_have_count(23)
    admin.keyboard.press("Escape")
    expect(admin.locator("#switch")).to_be_hidden()
    expect(admin.locator(SWITCH)).to_be_focused()


def test_without_javascript_it_opens_too_and_leads_by_links(browser: Browser, console, admin_state: dict) -> None:
    context = browser.new_context(
        base_url=console.url,
        storage_state=admin_state,
        java_script_enabled=False,
        viewport={"width": 390, "height": 844},
    )
    page = context.new_page()
    page.goto("/sources/bookshop/limits")
    page.click(SWITCH)
    page.click("#switch_rows >> text=All sources")
    page.click("text=till-berlin")
    expect(page).to_have_url(f"{console.url}/sources/till-berlin/limits")
    page.click(SWITCH)
    page.fill("#switch [name=q]", "book")
    page.keyboard.press("Enter")
    page.click("#switch_rows >> text=bookshop")
    expect(page).to_have_url(f"{console.url}/sources/bookshop/limits")
    context.close()


def test_the_list_is_a_page_as_well(admin: Page) -> None:
    admin.goto("/sources/bookshop/switch?to=tuning:settings&q=till")
    expect(admin.locator("#switch_rows li")).to_have_count(2)
    look(admin)
