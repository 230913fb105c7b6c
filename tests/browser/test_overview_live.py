"""The overview by itself: one stream for as long as somebody looks, however often it is drawn anew."""

import re
import time

from playwright.sync_api import Page, Request, expect
from running import PATIENCE_SECONDS

DRAWN_ANEW = 4


def test_an_overview_that_is_looked_at_holds_one_stream_and_lets_go_of_it(admin: Page) -> None:
    opened, ended = list[Request](), list[Request]()
    admin.on("request", lambda request: request.url.endswith("/overview/ticks") and opened.append(request))
    for end in ("requestfinished", "requestfailed"):
        admin.on(end, lambda request: request.url.endswith("/overview/ticks") and ended.append(request))
    admin.goto("/overview")
    for _ in range(DRAWN_ANEW):
        with admin.expect_response(lambda answer: "/overview?" in answer.url or answer.url.endswith("/overview")):
            admin.evaluate("document.querySelector('hw-ticks').dispatchEvent(new Event('tick', {bubbles: true}))")
        admin.wait_for_load_state("load")
    assert len(opened) == 1
    admin.click(".menu >> text=Events")
    expect(admin).to_have_url(re.compile("/events$"))
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while len(ended) < len(opened) and time.monotonic() < give_up_at:
        admin.wait_for_timeout(20)
    assert [request.url for request in ended] == [request.url for request in opened]


def test_a_page_that_nobody_sees_holds_no_stream(admin: Page) -> None:
    admin.goto("/overview")
    # Asked from here: a function that waits in the page is evaluated there again, which its policy forbids.
    is_open = "document.querySelector('hw-ticks').stream?.readyState === EventSource.OPEN"
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not admin.evaluate(is_open):
        assert time.monotonic() < give_up_at, "there is no stream"
        admin.wait_for_timeout(20)
    turn = """is_hidden => {
        Object.defineProperty(document, "hidden", {value: is_hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
        return document.querySelector("hw-ticks").stream !== undefined;
    }"""
    assert admin.evaluate(turn, True) is False
    assert admin.evaluate(turn, False) is True
