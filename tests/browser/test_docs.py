"""The API's documentation in a real browser: Swagger UI under the console's own policy, and tried with a key."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Page

from gateway.config import Settings
from gateway.operations.keys import create_key
from gateway.operations.operator import open_operator


def make_key(settings: Settings) -> str:
    async def make() -> str:
        async with open_operator(settings, actor="test") as op:
            return str((await create_key(op, "docs", "viewer", []))["key"])

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return thread.submit(asyncio.run, make()).result()


def test_the_documentation_of_both_sides_is_drawn(admin: Page) -> None:
    admin.goto("/docs")
    admin.wait_for_selector("#swagger .opblock")
    drawn = admin.locator(".opblock-summary-path").all_inner_texts()
    told = {path.replace("\u200b", "").strip() for path in drawn}
    assert {"/api/upsertContact", "/api/batch", "/api/sources", "/api/sources/{source}/draft/publish"} <= told
    admin.click("#operations-sources-add_source .opblock-summary-control")
    admin.wait_for_selector("#operations-sources-add_source .responses-table")
    assert "With a plugin its script is live at once" in admin.inner_text("#operations-sources-add_source")


def test_the_menu_leads_to_it_in_a_window_of_its_own(admin: Page) -> None:
    admin.goto("/sources")
    admin.click(".menu >> text=API")
    admin.wait_for_selector("#swagger .opblock")


def test_an_operation_is_tried_with_a_key(admin: Page, console) -> None:
    key = make_key(console.settings)
    admin.goto("/docs")
    admin.click("button.authorize")
    admin.fill("#api_key_value", key)
    admin.click(".auth-container button.authorize >> nth=0")
    admin.click("button.btn-done")
    admin.click("#operations-sources-list_sources .opblock-summary-control")
    admin.click("#operations-sources-list_sources .try-out__btn")
    with admin.expect_response("**/api/sources*") as answered:
        admin.click("#operations-sources-list_sources button.execute")
    assert answered.value.status == 200
    assert answered.value.json() == {"sources": [], "next": None}
