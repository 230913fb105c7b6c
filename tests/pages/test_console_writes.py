"""A write is taken from our own pages alone, and every answer tells the browser what it may do with it."""

import re

import pytest
from visitors import BASE, House, fill

from console.security import derive
from console.site import find_sections

ROUTES = [route for section in find_sections() for route in section.routes]
WRITES = sorted((route for route in ROUTES if route.method == "POST"), key=lambda route: route.name)

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORGERIES = {
    "without a token": ({}, {"origin": BASE}),
    "with somebody else's token": ({"csrf": derive("another browser", "csrf")}, {"origin": BASE}),
    "from another page": (None, {"origin": "https://evil.example"}),
    "from a page without an origin": (None, {"origin": "null"}),
    "without saying from where": (None, {}),
    "from another page, by its own word": (None, {"sec-fetch-site": "cross-site"}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("route", WRITES, ids=lambda route: route.name)
async def test_no_write_is_taken_that_our_own_page_did_not_send(shared_house: House, route, forgery: str) -> None:
    visitor = await shared_house.signed_in("admin")
    fields, headers = FORGERIES[forgery]
    sent = {"csrf": derive(visitor.token, "csrf")} if fields is None else fields
    answer = await visitor.http.post(fill(route.path), data=sent, headers=headers)
    assert answer.status_code == 403
    assert "try again" in answer.text
    assert (await visitor.get("/account")).status_code == 200, "and nothing has happened: they are still signed in"


async def test_the_token_may_come_in_a_header_as_htmx_sends_it(shared_house: House) -> None:
    visitor = await shared_house.signed_in("viewer")
    headers = {"origin": BASE, "x-csrf-token": derive(visitor.token, "csrf")}
    answer = await visitor.http.post("/account/name", data={"name": "Vera"}, headers=headers)
    assert answer.headers["location"] == "/account"


async def test_a_browser_that_names_no_origin_but_the_same_one_is_believed(shared_house: House) -> None:
    visitor = await shared_house.signed_in("viewer")
    sent = {"csrf": derive(visitor.token, "csrf"), "name": "Vera"}
    answer = await visitor.http.post("/account/name", data=sent, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/nowhere", "/static/nothing.js", "/healthz/nothing"])
async def test_every_answer_has_the_headers_that_keep_others_out(shared_house: House, path: str) -> None:
    answer = await (await shared_house.signed_in("viewer")).get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy, "no inline script, no nonce for one, no eval"
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


async def test_what_was_built_is_kept_by_browsers_and_comes_compressed(shared_house: House) -> None:
    visitor = shared_house.visitor()
    page = (await visitor.get("/sign-in")).text
    script = page.partition('type="module" src="')[2].partition('"')[0]
    plain = await visitor.get(script, **{"accept-encoding": "identity"})
    packed = await visitor.get(script, **{"accept-encoding": "br"})
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    assert packed.headers["content-encoding"] == "br"
    assert packed.content == plain.content
    assert (await visitor.get("/static/..%2fpackage.json")).status_code == 404


async def test_no_page_holds_inline_script_or_style(shared_house: House) -> None:
    visitor = await shared_house.signed_in("admin")
    for route in ROUTES:
        if route.method == "GET":
            page = (await visitor.get(fill(route.path))).text
            assert "<style" not in page, route.name
            assert " style=" not in page, route.name
            assert not re.search(r"<script(?![^>]* src=)", page), route.name
            assert " onclick" not in page, route.name


async def test_a_body_without_end_is_cut_off(shared_house: House) -> None:
    visitor = await shared_house.signed_in("viewer")

    async def endless():
        yield b"name="
        for _ in range(14):
            yield b"x" * 1024 * 1024

    headers = {"origin": BASE, "content-type": "application/x-www-form-urlencoded"}
    answer = await visitor.http.post("/account/name", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_an_address_that_takes_other_methods_says_which(shared_house: House) -> None:
    visitor = await shared_house.signed_in("viewer")
    answer = await visitor.get("/sign-out")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
