"""Browsing: what tests and pictures share of a browser: how one comes in, and a page that remembers complaints."""

from playwright.sync_api import Browser, BrowserContext, Page, expect
from running import PATIENCE_SECONDS

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Colours that are still on their way from one theme to the other are neither's.
QUIET = {"reduced_motion": "reduce", "locale": "en-GB", "timezone_id": "UTC"}
PASSWORD = "a few good words"
expect.set_options(timeout=PATIENCE_SECONDS * 1000)  # a guard against hanging


def come_in(browser: Browser, link: str) -> dict:
    """Come in as the first admin, as a person does; gives the browser's cookies."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    fields = {"email": "mira@example.com", "name": "Mira Holm", "password": PASSWORD, "again": PASSWORD}
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("button.primary")
    page.wait_for_selector(".menu")
    state = context.storage_state()
    context.close()
    return dict(state)


def watched(context: BrowserContext) -> Page:
    """Open a page that remembers what the browser complained of: script errors, refused styles, lost files."""
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    return page
