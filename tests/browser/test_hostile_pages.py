"""Every page that there is, full of hostile texts: nothing is obeyed, nothing runs over, axe has no complaint."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from browsing import QUIET, come_in, watched
from furnished import address, furnish
from playwright.sync_api import Browser, Page, expect
from product import Product, run_product
from test_every_page import look

from console.access import Role
from console.site import find_sections

# What is no page: streams, files, and what leads on. What is shown for a moment alone has a test of its own.
NO_PAGES = {
    *("home:index", "overview:ticks", "overview:metrics", "script:completions", "contacts:export", "events:body"),
    *("events:download", "signin:sign_in", "signin:welcome", "docs:index", "sources:guide"),
    *("sources:curl", "comparisons:show", "queue:job", "events:text", "events:actions"),
}
PAGES = {
    route.name: route.path
    for section in find_sections()
    for route in section.routes
    if route.method == "GET" and route.name not in NO_PAGES and route.role > Role.ANYONE
}
FURTHER = {
    "what failed": "/events/{failed}",
    "what was ignored": "/events/{ignored}",
    "a search": "/events?text=%3Cscript%3E&source=%22%3E%3Cimg&since=%3Csvg%20onload%3E&contact=javascript:alert(1)",
    "a finding": "/search?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%7B%7B7*8641%7D%7D",
    "what was captured": "/sources/empty/captured",
    "what was rejected": "/sources/evil/captured?kind=rejected",
    "contacts by name": "/contacts?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "the draft beside live": "/sources/evil/versions/diff?before=live&after=draft",
    "of all kinds": "/bulk/new?kind=replay&source=evil&text=%3Cimg%20src%3Dx%3E",
    "a guide": "/sources/ready/guide",
    "a signed request": "/sources/ready/curl",
    "a plugin's settings": "/sources/ready/settings",
}
LOOKS = [("wide", "light"), ("narrow", "dark")]  # the other two are the same parts
INJECTED = "script:not([src]), img[src=x], svg[onload], iframe, [onerror], a[href^='javascript:']"


@pytest.fixture(scope="module")
def product(chromium: str) -> Iterator[Product]:
    with TemporaryDirectory(prefix="hw-") as folder, run_product(Path(folder)) as product:
        yield product


@pytest.fixture(scope="module")
def values(product: Product) -> dict[str, str]:
    return furnish(product)


@pytest.fixture(scope="module")
def state(product: Product, browser: Browser) -> dict:
    return come_in(browser, product.link)


@pytest.fixture
def page(product: Product, browser: Browser, state: dict) -> Iterator[Page]:
    context = browser.new_context(base_url=product.console_url, storage_state=state, **QUIET)
    page = watched(context)
    page.on("dialog", lambda dialog: (page.complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    yield page
    context.close()
    assert page.complaints == []


@pytest.mark.parametrize("name", [*PAGES, *FURTHER])
def test_nothing_hostile_is_obeyed_and_nothing_runs_over(page: Page, values: dict[str, str], name: str) -> None:
    answer = page.goto(address((PAGES | FURTHER)[name], values))
    assert answer.status in (200, 400), name
    page.complaints[:] = [said for said in page.complaints if "status of 400" not in said]
    page.wait_for_load_state("load")
    page.wait_for_timeout(150)  # what is drawn by script
    assert page.locator(INJECTED).count() == 0
    assert "60487" not in page.locator("main").inner_text(), "a template was run: 7*8641"
    look(page, LOOKS)


def test_every_link_leads_somewhere(page: Page, values: dict[str, str]) -> None:
    links: dict[str, str] = {}
    for path in (address(path, values) for path in (PAGES | FURTHER).values()):
        answer = page.request.get(path)
        shown = answer.text() if answer.status == 200 else ""  # what is wrong in an address stays wrong in its links
        links |= {unescape(href).partition("#")[0]: path for href in re.findall(r'<a [^>]*?href="(/[^"]*)"', shown)}
    answers = {href: page.request.get(href, max_redirects=0).status for href in links}
    assert {href: (status, links[href]) for href, status in answers.items() if status >= 400} == {}
    assert len(links) > 100


def test_hostile_texts_are_shown_as_texts(page: Page, values: dict[str, str]) -> None:
    """The other test would pass on empty pages."""
    for path in ("/events/{failed}", "/events/{event_id}", "/contacts/{identifier}", "/issues/{issue_id}", "/people"):
        page.goto(address(path, values))
        expect(page.locator("main")).to_contain_text("<script>alert(1)</script>")


def test_the_hostile_draft_is_tried_compared_and_confirmed_as_text(page: Page, values: dict[str, str]) -> None:
    page.goto(f"/sources/evil/script?try=event:{values['event_id']}")
    expect(page.locator(".cm-content")).to_contain_text("<script>alert(1)</script>")
    page.click("[data-try]")
    expect(page.locator("#tried")).to_contain_text("say")
    page.click("button:has-text('Compare')")
    expect(page.locator("#comparison_now")).to_contain_text("newly failing")
    expect(page.locator("#comparison_now progress")).to_have_count(0)
    look(page, LOOKS)
    page.goto("/sources/evil/fixtures")
    page.click("tr:has-text('onerror') button:has-text('Remove')")
    expect(page.locator("dialog[open]")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator(INJECTED).count() == 0
    page.click("dialog button:has-text('Cancel')")


def test_pages_are_read_and_written_without_javascript(
    product: Product, browser: Browser, state: dict, values: dict[str, str]
) -> None:
    context = browser.new_context(base_url=product.console_url, storage_state=state, java_script_enabled=False)
    page = context.new_page()
    for path in (PAGES | FURTHER).values():
        answer = page.goto(address(path, values))
        assert answer.status in (200, 400), path
        assert len(page.locator("main").inner_text()) > 20, path
    page.goto("/sources/empty/script")
    page.select_option("#request", index=0)
    page.click("button:has-text('Run')")
    expect(page.locator("#tried")).to_contain_text('secret "signing_secret" is not set')
    page.fill("[name=text]", page.locator("[name=text]").input_value() + "# by hand\n")
    page.click("button:has-text('Save the draft')")
    expect(page.locator("[data-state]")).to_contain_text("Draft of")
    page.click("button:has-text('Publish …')")
    page.fill("[name=note]", "without script")
    page.click("form.card button:has-text('Publish')")
    expect(page.locator("tbody tr").first).to_contain_text("without script")
    page.goto("/sources/empty")
    page.click("button:has-text('Pause')")
    expect(page.locator("main")).to_contain_text("paused")
    context.close()
