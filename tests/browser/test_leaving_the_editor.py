"""Leaving the editor: what was typed and not saved is saved on the way, or asked about; it is never lost in silence."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from browsing import PASSWORD
from playwright.sync_api import Page, Route, expect
from running import OPEN_SCRIPT, PATIENCE_SECONDS, Running

from gateway.operations import drafts
from gateway.operations.operator import open_operator

SCRIPT = "/sources/leaving/script"
TYPED = "# typed a moment ago"


@pytest.fixture(scope="module", autouse=True)
def _source(console: Any) -> None:
    in_a_thread(console, lambda op: Running(console.settings, op, None).add_source("leaving"))


@pytest.fixture(autouse=True)
def _no_draft(console: Any) -> Iterator[None]:
    yield
    if draft_of(console) is not None:
        in_a_thread(console, lambda op: drafts.discard_draft(op, "leaving"))


def in_a_thread(console: Any, work: Any) -> Any:
    async def run() -> Any:
        async with open_operator(console.settings, actor="test") as op:
            return await work(op)

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        return thread.submit(asyncio.run, run()).result()


def draft_of(console: Any) -> str | None:
    draft = in_a_thread(console, lambda op: drafts.find_draft(op, "leaving"))
    return draft and str(draft["text"])


def until_draft_is(console: Any, text: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (draft := draft_of(console)) != text:
        assert time.monotonic() < give_up_at, draft


def open_editor(page: Page) -> None:
    """Come to the editor as people do, by links: a page is never loaded anew on the way."""
    page.goto("/sources")
    page.click("tbody a:has-text('leaving')")
    page.click(".tabs >> text=Script")
    expect(page.locator(".cm-content")).to_contain_text("Says yes")


def type_something(page: Page) -> None:
    page.click(".cm-content")
    page.keyboard.press("Control+Home")
    page.keyboard.type(TYPED)
    page.keyboard.press("Enter")


def cut_off(page: Page) -> None:
    """Let no save come through from now on."""
    page.route("**" + SCRIPT, lambda route: refuse_writes(route))


def refuse_writes(route: Route) -> None:
    route.abort() if route.request.method == "POST" else route.continue_()


def test_a_link_of_the_menu_saves_what_was_typed_a_moment_ago(admin: Page, console: Any) -> None:
    open_editor(admin)
    type_something(admin)
    admin.click(".menu >> text=Overview")
    expect(admin.locator("h1")).to_have_text("Overview")
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"


def test_back_saves_what_was_typed_a_moment_ago(admin: Page, console: Any) -> None:
    open_editor(admin)
    type_something(admin)
    admin.go_back()
    expect(admin.locator("h1")).to_have_text("leaving")
    expect(admin.locator(".cm-content")).to_have_count(0)
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"
    admin.go_forward()
    expect(admin.locator(".cm-content")).to_contain_text(TYPED)


def test_where_it_cannot_be_saved_a_link_asks_first(admin: Page, console: Any) -> None:
    open_editor(admin)
    cut_off(admin)
    type_something(admin)
    admin.click(".tabs >> text=Versions")
    expect(admin.locator("dialog[open]")).to_contain_text("lose what you typed")
    expect(admin.locator("dialog[open]")).to_contain_text("the console does not answer")
    admin.click("dialog button:has-text('Cancel')")
    expect(admin.locator(".cm-content")).to_contain_text(TYPED)
    admin.click(".tabs >> text=Versions")
    admin.click("dialog button:has-text('Leave')")
    expect(admin.locator(".tabs [aria-current=page]")).to_have_text("Versions")
    assert draft_of(console) is None, "who leaves all the same has given it up"
    admin.complaints.clear()  # of the requests that were cut off


def test_where_it_cannot_be_saved_back_asks_first_and_who_stays_is_still_there(admin: Page, console: Any) -> None:
    open_editor(admin)
    cut_off(admin)
    type_something(admin)
    admin.go_back()
    admin.click("dialog button:has-text('Cancel')")
    expect(admin.locator(".cm-content")).to_contain_text(TYPED)
    expect(admin).to_have_url(re.compile(f"{SCRIPT}$"))  # it is given the address again when the dialog has closed
    admin.unroute("**" + SCRIPT)
    admin.go_back()
    expect(admin.locator(".cm-content")).to_have_count(0)
    assert not admin.url.endswith(SCRIPT)
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"
    admin.complaints.clear()


def test_a_button_that_leads_on_goes_nowhere_without_the_text(admin: Page, console: Any) -> None:
    open_editor(admin)
    cut_off(admin)
    type_something(admin)
    expect(admin.locator("[data-state]")).to_contain_text("Not saved: the console does not answer.")
    with admin.expect_event("requestfailed", lambda request: request.url.endswith(SCRIPT)):
        admin.click("text=Publish … >> nth=0")
    expect(admin.locator(".cm-content")).to_contain_text(TYPED)
    admin.unroute("**" + SCRIPT)
    admin.click("text=Publish … >> nth=0")
    expect(admin.locator("h1")).to_have_text("Publish")
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"
    admin.complaints.clear()


def test_an_editor_that_is_taken_off_the_page_saves_as_it_goes(admin: Page, console: Any) -> None:
    """Both in one turn: what waited any longer might be saved before, by itself."""
    open_editor(admin)
    go = "(element, text) => { element.querySelector('hw-editor').setText(text); element.remove(); }"
    with admin.expect_response("**" + SCRIPT):
        admin.locator("hw-script").evaluate(go, f"{TYPED}\n{OPEN_SCRIPT}")
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"


def test_two_saves_at_once_are_no_dispute_with_oneself(admin: Page, console: Any) -> None:
    open_editor(admin)
    type_something(admin)
    admin.keyboard.press("Control+s")
    admin.keyboard.type("# and more\n")
    admin.keyboard.press("Control+s")
    until_draft_is(console, f"{TYPED}\n# and more\n{OPEN_SCRIPT}")  # the first of the two says already: saved
    expect(admin.locator("[data-state]")).to_have_text("Saved as the draft.")


def test_a_text_that_is_too_long_is_not_saved_and_the_limit_is_named(admin: Page, console: Any) -> None:
    open_editor(admin)
    file = {"name": "script.py", "mimeType": "text/x-python", "buffer": b"# more\n" * 10_000}
    admin.locator("[name=file]").set_input_files(file)
    expect(admin.locator("[data-state]")).to_contain_text("Not saved: the script has 70000 bytes, the limit is 64 KiB.")
    admin.click(".menu >> text=Overview")
    expect(admin.locator("dialog[open]")).to_contain_text("the limit is 64 KiB")
    admin.click("dialog button:has-text('Leave')")
    expect(admin.locator("h1")).to_have_text("Overview")
    assert draft_of(console) is None
    admin.complaints.clear()  # the 422 itself


def test_who_was_signed_out_is_told_signs_in_elsewhere_and_goes_on(admin: Page, console: Any) -> None:
    open_editor(admin)
    known = admin.context.cookies()
    admin.context.clear_cookies()
    type_something(admin)
    expect(admin.locator("[data-state]")).to_have_text(
        "You are signed out: sign in again in another tab, then go on here; the text is kept here."
    )
    with admin.context.expect_page() as opened:
        admin.click("[data-state] a")
    elsewhere = opened.value
    elsewhere.fill("[name=email]", "mira@example.com")
    elsewhere.fill("[name=password]", PASSWORD)
    elsewhere.click("button.primary")
    expect(elsewhere.locator("h1")).to_have_text("Overview")
    assert admin.context.cookies() != known, "another session, and another token of forms"
    admin.click(".cm-content")
    admin.keyboard.press("Control+s")
    expect(admin.locator("[data-state]")).to_have_text("Saved as the draft.")
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"
    admin.click("[data-try]")
    expect(admin.locator("#tried")).not_to_be_empty()
    admin.click(".menu >> text=Overview")
    expect(admin.locator("h1")).to_have_text("Overview")
    admin.complaints.clear()  # the 401 and the 403 themselves


def test_an_answer_that_is_no_answer_of_ours_counts_as_not_saved(admin: Page, console: Any) -> None:
    open_editor(admin)
    admin.route("**" + SCRIPT, lambda route: route.fulfill(status=200, content_type="text/html", body="<p>Sign in</p>"))
    type_something(admin)
    expect(admin.locator("[data-state]")).to_contain_text("Not saved: the console does not answer.")
    admin.unroute("**" + SCRIPT)
    admin.click(".cm-content")
    admin.keyboard.press("Control+s")
    expect(admin.locator("[data-state]")).to_have_text("Saved as the draft.")
    assert draft_of(console) == f"{TYPED}\n{OPEN_SCRIPT}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("# one\n# café".encode("latin-1"), "byte 12 (line 2) is 0xE9, which is not UTF-8"),
        ("# one\n# café = 1\n".encode("latin-1") * 500, "byte 12 (line 2) is 0xE9, which is not UTF-8"),
        (b"# one\n\x00", "byte 7 (line 2) is a NUL byte"),
        ("# é".encode()[:-1], "byte 3 (line 1) is 0xC3, which is not UTF-8"),
        ("# 🙂".encode()[:-1], "byte 3 (line 1) is 0xF0, which is not UTF-8"),
        (b"# a \xe2\x82 b", "byte 5 (line 1) is 0xE2, which is not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_not_taken_and_the_place_is_named(admin: Page, data: bytes, said: str) -> None:
    open_editor(admin)
    admin.locator("[name=file]").set_input_files({"name": "script.py", "mimeType": "text/x-python", "buffer": data})
    expect(admin.locator("[data-state]")).to_have_text(f"Not taken: the file is no text: {said}.")
    expect(admin.locator(".cm-content")).to_contain_text("Says yes")
