"""Every page that there is, in both themes, wide and narrow: the browser and axe have no complaint."""

from collections.abc import Collection
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import console as console_package
from console.site import find_sections

AXE = Path(console_package.__file__).parent.parent / "static" / "node_modules" / "axe-core" / "axe.min.js"
# Not looked at: what leads on at once, and what no person reads. /docs is drawn by Swagger UI, whose colours are its
# own: test_docs looks at it.
ELSEWHERE = ("/", "/sign-in", "/docs", "/toolbox.json", "/overview/ticks", "/metrics")
PAGES = [
    route.path
    for section in find_sections()
    for route in section.routes
    if route.method == "GET" and "{" not in route.path and route.path not in ELSEWHERE
]
SIZES = {"wide": (1280, 860), "narrow": (390, 844)}
LOOKS = [(size, theme) for size in SIZES for theme in ("light", "dark")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def look(page: Page, looks: Collection[tuple[str, str]] = LOOKS) -> None:
    """Show the page in themes and sizes; fails for what runs over and for what axe finds."""
    # Through the browser's own door: the page's policy refuses foreign script, as it should.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for size, theme in looks:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{size}: it runs over the side"
        assert complaints_of_axe(page) == [], (theme, size)


def complaints_of_axe(page: Page) -> list[tuple[str, str, str]]:
    # What passes is only counted: to describe it as well takes axe three times as long.
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        (fault["id"], str(node["target"]), node["failureSummary"])
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sound_in_both_themes_and_sizes(admin: Page, path: str) -> None:
    assert admin.goto(path).status == 200
    admin.wait_for_load_state("networkidle")
    look(admin)


def test_the_sign_in_page_is_sound_too(browser: Browser, console) -> None:
    context = browser.new_context(base_url=console.url, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/sign-in")
    look(page)
    context.close()


def test_an_error_is_a_page_with_a_way_on(admin: Page) -> None:
    assert admin.goto("/nowhere").status == 404
    assert admin.complaints.pop().startswith("Failed to load resource"), "the 404 itself"
    look(admin)
    admin.click("text=To the first page")
    admin.wait_for_url(lambda url: "nowhere" not in url)
