"""Screenshots: the pictures of the README, taken of the real product with demo data.

Takes a folder; starts `up --demo`, lets webhooks come in, breaks a script and looks at it as a person would.
Not a test: `make screenshots` runs it. A picture past `BYTES_MAX` fails, since a README is loaded by everybody.

    PYTHONPATH=tests python tests/browser/screenshots.py docs/screenshots
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from browsing import NAMES, come_in
from playwright.sync_api import Browser, Page, expect, sync_playwright
from product import Product, run_product

LOOK = {"viewport": {"width": 1140, "height": 740}, "reduced_motion": "reduce", "locale": "en-GB"}
BYTES_MAX = 150_000
SENT = {"shopify": 90, "stripe": 60, "github": 40, "woocommerce": 50, "segment": 30}
BROKEN = '    amount = request.json["data"]["object"]["amount_in_cents"]\n'
HEAD = "def transform(request, context):\n"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program, f"none of {', '.join(NAMES)} is installed"
    with TemporaryDirectory(prefix="hw-") as data, run_product(Path(data), "--demo") as product:
        for plugin, count in SENT.items():
            product.run("send", f"demo-{plugin}", "--count", str(count))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            take_all(browser, product, folder)
            browser.close()


def take_all(browser: Browser, product: Product, folder: Path) -> None:
    state = come_in(browser, product.link)
    for name, (theme, show) in PICTURES.items():
        context = browser.new_context(base_url=product.console_url, storage_state=state, color_scheme=theme, **LOOK)
        page = context.new_page()
        show(page, product)
        page.mouse.move(0, 0)
        page.wait_for_timeout(800)  # charts and toasts
        picture = folder / f"{name}.png"
        page.screenshot(path=picture)
        context.close()
        size = picture.stat().st_size
        print(f"{picture}  {size / 1000:.0f} kB")
        assert size < BYTES_MAX, f"{picture} is too large for a README"


def show_editor(page: Page, product: Product) -> None:
    """Break the script of stripe, and try it on a real request."""
    page.goto("/sources/demo-stripe/script")
    expect(page.locator(".cm-content")).to_be_visible()
    text = page.locator("[name=text]").input_value()
    broken = text.replace(HEAD, HEAD + BROKEN).encode()
    page.locator("[name=file]").set_input_files({"name": "script.py", "mimeType": "text/plain", "buffer": broken})
    expect(page.locator("[data-state]")).to_have_text("Saved as the draft.")
    page.evaluate("line => document.querySelector('hw-editor').goTo(line)", text[: text.index(HEAD)].count("\n") + 2)
    page.click("[data-try]")
    expect(page.locator("#tried")).to_contain_text("KeyError")


def show_comparison(page: Page, product: Product) -> None:
    page.goto("/sources/demo-stripe/script")
    page.click("button:has-text('Compare')")
    expect(page.locator("#comparison_now progress")).to_have_count(0, timeout=20_000)


def show_issue(page: Page, product: Product) -> None:
    """Publish what fails, so that the newest webhooks of stripe do."""
    page.goto("/sources/demo-stripe/publish")
    page.fill("[name=note]", "amounts in cents")
    page.click("form.card button:has-text('Publish')")
    product.run("send", "demo-stripe", "--count", "12")
    page.goto("/issues")
    page.click("tbody a:has-text('amount_in_cents')")
    expect(page.locator(".events tbody tr").first).to_be_visible()


def show_overview(page: Page, product: Product) -> None:
    page.goto("/overview?span=15m")
    expect(page.locator("hw-chart canvas")).to_have_count(3)


def show_events(page: Page, product: Product) -> None:
    for plugin in ("github", "shopify", "woocommerce", "segment", "github", "stripe", "shopify"):
        product.run("send", f"demo-{plugin}", "--count", "2")
    page.goto("/events")
    expect(page.locator("[data-tail-state]")).to_have_text("live")


def show_contact(page: Page, product: Product) -> None:
    page.goto("/contacts")
    page.goto(page.locator("#found tbody tr:has-text('@') a").first.get_attribute("href") or "")
    page.locator(".timeline").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, 0)")


PICTURES: dict[str, tuple[str, Callable[[Page, Product], None]]] = {
    "editor": ("light", show_editor),
    "check-before-publish": ("light", show_comparison),
    "issue": ("light", show_issue),
    "overview": ("light", show_overview),
    "events": ("dark", show_events),
    "contact": ("light", show_contact),
}

if __name__ == "__main__":
    main()
