"""The journey of an integrator, from the first sign-in to a repaired fault and the person it was about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from browsing import PASSWORD, QUIET, watched
from playwright.sync_api import Browser, Page, expect
from product import Product, run_product

SECRET = "shop-signs-with-this"
ANN = "ann@example.com"
OWN = '''"""Shopify orders, as this shop wants them."""

from gateway.toolbox import upsert_contact, verify_shopify


def authenticate(request, context):
    return verify_shopify(request, context.secrets["signing_secret"])


def transform(request, context):
    order = request.json
    context.log("order", order["id"])
    yield upsert_contact(identifiers={"email": order["email"]}, attributes={"last_total": order["total_price"]})
'''
FAILING = OWN.replace('order["total_price"]', 'order["grand_total"]')
MENDED = FAILING.replace('order["grand_total"]', 'order.get("grand_total", order["total_price"])')


@pytest.fixture(scope="module")
def product(chromium: str) -> Iterator[Product]:
    with TemporaryDirectory(prefix="hw-") as folder, run_product(Path(folder)) as product:
        yield product


@contextmanager
def kept_on_failure(page: Page) -> Iterator[None]:
    """Keep a picture of where it went wrong."""
    try:
        yield
    except BaseException as error:
        picture = Path(mkdtemp(prefix="hookwright-journey-")) / "failed.png"
        page.screenshot(path=picture, full_page=True)
        error.add_note(f"at {page.url}; the page is in {picture}")
        raise


def test_from_the_first_sign_in_to_a_repaired_fault(product: Product, browser: Browser) -> None:
    context = browser.new_context(base_url=product.console_url, viewport={"width": 1280, "height": 860}, **QUIET)
    page = watched(context)
    with kept_on_failure(page):
        come_in(page, product)
        make_source(page)
        first = product.post_order("shop", SECRET, ANN)
        write_and_publish(page, first)
        see_events_live(page, product)
        publish_what_fails(page)
        failed = [product.post_order("shop", SECRET, email, "20.00") for email in (ANN, "bob@example.com")]
        repair(page, failed[0])
        read_the_contact(page, failed[0])
    assert page.complaints == []
    context.close()


def come_in(page: Page, product: Product) -> None:
    page.goto(product.link)
    fields = {"email": "mira@example.com", "name": "Mira Holm", "password": PASSWORD, "again": PASSWORD}
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("button.primary")
    expect(page.locator("h1")).to_have_text("Overview")


def make_source(page: Page) -> None:
    page.click(".menu >> text=Sources")
    page.click("text=New source >> nth=0")
    page.click(".tile:has-text('Shopify')")
    page.fill("[name=name]", "shop")
    page.fill("[name=secret-signing_secret]", SECRET)
    page.click("button:has-text('Add the source')")
    expect(page.locator("h1")).to_have_text("shop")
    expect(page.locator(".once")).to_contain_text("/in/shop")


def write_and_publish(page: Page, event_id: str) -> None:
    expect(page.locator("#newest_events")).to_contain_text(event_id)  # by itself: the page was not loaded again
    page.click(".tabs >> text=Script")
    expect(page.locator(".cm-content")).to_contain_text("Shopify")
    write(page, OWN + "    yield nonsense(\n")
    expect(page.locator("[data-problem-list]")).to_contain_text("line 14")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    write(page, OWN)
    expect(page.locator("[data-problem-list] li")).to_have_count(0)
    expect(page.locator("[data-state]")).to_have_text("Saved as the draft.")
    page.select_option("#request", f"event:{event_id}")
    page.keyboard.press("Control+Enter")
    tried = page.locator("#tried")
    expect(tried).to_contain_text("upsertContact")
    expect(tried).to_contain_text("228.25")
    expect(tried).to_contain_text("Log")
    page.fill("[name=fixture]", "an order of Ann")
    page.click("button:has-text('Save as fixture')")
    expect(page.locator("#request")).to_have_value("fixture:an order of Ann")
    page.click("button:has-text('Compare')")
    expect(page.locator("#comparison_now")).to_contain_text("changed")
    expect(page.locator("#comparison_now")).to_contain_text(event_id)
    publish(page, "our own words", 2)


def write(page: Page, text: str) -> None:
    page.locator("[name=file]").set_input_files(
        {"name": "script.py", "mimeType": "text/x-python", "buffer": text.encode()}
    )


def publish(page: Page, note: str, number: int, *, is_sure: bool = False) -> None:
    page.click("text=Publish … >> nth=0")
    page.fill("[name=note]", note)
    if is_sure:
        page.click("button:has-text('Publish')")
        expect(page.locator(".fault")).to_have_text("Tick this to publish all the same.")
        page.complaints.pop()  # the 422 itself
        page.check("[name=is_sure]")
    page.click("button:has-text('Publish')")
    expect(page.locator(".toast")).to_contain_text(f"Version {number} is live")
    expect(page.locator("tbody tr").first).to_contain_text(note)


def see_events_live(page: Page, product: Product) -> None:
    page.click(".menu >> text=Events")
    expect(page.locator("[data-tail-state]")).to_have_text("live")
    page.evaluate("window.isTheSamePage = true")
    event_id = product.post_order("shop", SECRET, ANN, "31.50")
    row = page.locator(f"#{event_id}")
    expect(row).to_contain_text("applied")
    assert page.evaluate("window.isTheSamePage"), "nothing was loaded again"
    row.locator("th a").click()
    expect(page.locator("#effects")).to_contain_text("31.50")
    expect(page.locator(".facts")).to_contain_text("version 2")


def publish_what_fails(page: Page) -> None:
    page.goto("/sources/shop/script")
    expect(page.locator(".cm-content")).to_contain_text("total_price")
    write(page, FAILING)
    page.click("button:has-text('Compare')")
    expect(page.locator("#comparison_now")).to_contain_text("newly failing")
    expect(page.locator("#comparison_now .chip", has_text="newly failing")).to_have_count(2)
    publish(page, "the sender renamed it", 3, is_sure=True)


def repair(page: Page, event_id: str) -> None:
    page.click(".menu >> text=Issues")
    page.click("tbody a:has-text('grand_total')")
    expect(page.locator("h1")).to_contain_text("KeyError: grand_total")
    expect(page.locator(".events tbody tr")).to_have_count(2)
    issue = page.url
    page.click("text=Mend the script")
    expect(page.locator(".cm-content")).to_contain_text("grand_total")
    write(page, MENDED)
    page.click("[data-try]")
    expect(page.locator("#tried")).to_contain_text("20.00")
    publish(page, "either name", 4)
    page.goto(issue)
    page.click("text=Replay all 2")
    page.click("button:has-text('Replay 2')")
    expect(page.locator("#bulk_state")).to_contain_text("Every one of them went through.")
    page.goto(issue)
    expect(page.locator(".facts")).to_contain_text("none: all of them are repaired")


def read_the_contact(page: Page, event_id: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(ANN)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(ANN)
    newest = page.locator(".timeline li").first
    expect(newest).to_contain_text("last_total")
    expect(newest.locator("del")).to_contain_text("31.50")
    expect(newest.locator("ins")).to_contain_text("20.00")
    newest.locator("a").first.click()
    expect(page.locator("h1")).to_contain_text("evt_")
    expect(page.locator(".life")).to_contain_text(event_id)  # what it is a replay of
