"""One URL, two renderings; what was typed is shown again, and never taken for markup."""

from typing import Any
from urllib.parse import urlencode

import pytest
from visitors import BASE, House

from console.pages import people
from console.security import derive
from console.texts import moment, pretty
from gateway.errors import StoreBusy
from gateway.operations.audit import PAGE
from gateway.operations.users import rename_user
from gateway.queue.keys import PROCESSES
from gateway.store.audit import write_audit

HTMX = {"hx-request": "true"}
HOSTILE = "\"><script>alert('x')</script>{{ 7*8641 }}<img src=x onerror=alert(1)>"


async def test_htmx_is_given_the_part_that_it_asked_for_and_people_the_page(house: House) -> None:
    visitor = await house.signed_in("admin")
    page = await visitor.get("/audit")
    part = await visitor.get("/audit", **HTMX, **{"hx-target": "rows"})
    assert page.text.startswith("<!doctype html>")
    assert part.text.strip().startswith('<div id="rows"')
    assert "<html" not in part.text
    assert part.text.strip() in page.text
    assert page.headers["vary"] == part.headers["vary"] == "HX-Request, HX-Target, Cookie"


@pytest.mark.parametrize("header", ["hx-boosted", "hx-history-restore-request"])
async def test_a_whole_page_is_a_whole_page_also_for_htmx(house: House, header: str) -> None:
    visitor = await house.signed_in("admin")
    page = await visitor.get("/audit", **HTMX, **{"hx-target": "rows", header: "true"})
    assert page.text.startswith("<!doctype html>")
    assert "hx-retarget" not in page.headers


async def test_an_error_takes_the_whole_window_not_the_place_of_a_part(house: House) -> None:
    visitor = await house.signed_in("viewer")
    page = await visitor.get("/audit", **HTMX, **{"hx-target": "rows"})
    assert page.status_code == 403
    assert page.headers["hx-retarget"] == "body"


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        (f"{BASE}/events?status=failed&text=a%20b", "/events?status=failed&text=a%20b"),
        (f"{BASE}/audit#top", "/audit"),
        (f"{BASE}/", None),
        (f"{BASE}//evil.example/x", None),
        ("https://evil.example/x", None),
        ("/events", None),
        ("http://[", None),
        ("", None),
    ],
)
async def test_who_comes_back_after_the_session_has_ended_is_where_they_were(
    house: House, current: str, wanted: str | None
) -> None:
    visitor = await house.arriving()
    for method in ("GET", "POST"):
        asked = await visitor.http.request(method, "/people", headers={**HTMX, "hx-current-url": current})
        assert (asked.status_code, asked.headers["hx-redirect"]) == (401, _sign_in(wanted)), method
    for whole in ("hx-boosted", "hx-history-restore-request"):
        boosted = await visitor.get("/issues?state=open", **HTMX, **{whole: "true", "hx-current-url": current})
        assert boosted.headers["hx-redirect"] == _sign_in("/issues?state=open")


def _sign_in(wanted: str | None) -> str:
    return f"/sign-in?{urlencode({'next': wanted})}" if wanted else "/sign-in"


async def test_a_refused_form_is_drawn_again_with_what_was_typed(house: House) -> None:
    admin = await house.signed_in("admin")
    page = await admin.post("/people", {"email": "not an address", "role": "integrator"}, **HTMX)
    assert page.status_code == 422
    assert page.headers["hx-push-url"] == "false"
    assert 'value="not an address"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert 'value="integrator" checked' in page.text
    assert "is no e-mail address" in page.text


async def test_what_people_typed_is_never_taken_for_markup(house: House) -> None:
    admin = await house.signed_in("admin")
    await rename_user(house.op, "viewer@example.com", HOSTILE)
    await admin.post("/keys", {"name": HOSTILE, "role": "sender"})
    viewer = await house.signed_in("viewer")
    pages = [
        await admin.get(path) for path in ("/people", f"/people/{house.people['viewer']['id']}", "/keys", "/audit")
    ]
    pages.append(await admin.http.get("/search", params={"q": HOSTILE}))
    pages.append(await admin.http.get("/audit", params={"actor": HOSTILE}))
    pages.append(await viewer.get("/account"))
    pages.append(await admin.post("/keys", {"name": HOSTILE, "role": "nonsense"}))
    assert sum("alert(" in page.text for page in pages) >= 6, "it was shown"
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "60487" not in page.text, "nor for a template: 7*8641"


async def test_what_a_page_says_is_said_once_and_only_what_we_have_sealed(house: House) -> None:
    visitor = await house.signed_in("viewer")
    await visitor.post("/account/name", {"name": "Vera"})
    assert "Your name is changed." in (await visitor.get("/account")).text
    assert "Your name is changed." not in (await visitor.get("/account")).text
    forged = f"{derive('another browser', 'said', 'good:Send money')}:good:Send money".encode().hex()
    for cookie in (forged, "no hex", b"no seal".hex(), ""):
        visitor.http.cookies.set(house.cookie.replace("hookwright_", "hookwright_said_"), cookie)
        page = await visitor.get("/account")
        assert page.status_code == 200
        assert "Send money" not in page.text


async def test_a_fault_of_ours_is_a_page_with_an_id_and_nothing_of_the_fault(house: House, monkeypatch, capfd) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("the inside of things")

    monkeypatch.setattr(people.users, "list_users", broken)
    page = await (await house.signed_in("admin")).get("/people")
    assert page.status_code == 500
    assert "inside of things" not in page.text
    error_id = page.text.partition('<hw-copy value="err_')[2].partition('"')[0]
    assert error_id
    assert error_id in capfd.readouterr().out


async def test_a_busy_database_is_said_as_such(house: House, monkeypatch) -> None:
    async def busy(_: object) -> None:
        raise StoreBusy("the database is busy")

    monkeypatch.setattr(people.users, "list_users", busy)
    page = await (await house.signed_in("admin")).get("/people")
    assert page.status_code == 503
    assert page.headers["retry-after"]
    assert "The database is busy; nothing was changed" in page.text


async def test_the_audit_log_is_read_page_by_page_without_missing_a_row(house: House) -> None:
    def write(conn) -> None:
        for number in range(2 * PAGE):
            write_audit(conn, at=number, actor="test", operation="source.pause", subject=f"shop-{number:03}")

    await house.op.write(write)
    visitor, path, seen = await house.signed_in("admin"), "/audit?operation=source.pause", []
    while path:
        page = (await visitor.get(path)).text
        seen += [part.partition('"')[0] for part in page.split("/audit?subject=")[1:]]
        path = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        path = path if 'rel="next"' in page else ""
    assert seen == [f"shop-{number:03}" for number in reversed(range(2 * PAGE))]


async def test_the_theme_is_a_cookie_that_works_without_javascript(house: House) -> None:
    visitor = await house.signed_in("viewer")
    answer = await visitor.post("/theme", {"theme": "dark", "next": "/account"})
    assert answer.headers["location"] == "/account"
    assert '<html lang="en" data-theme="dark">' in (await visitor.get("/account")).text
    strange = await visitor.get("/account", cookie=f'{house.cookie}={visitor.token}; hookwright_theme="><script>')
    assert 'data-theme="auto"' in strange.text


async def test_the_search_box_leads_to_who_goes_by_that_name(house: House) -> None:
    admin = await house.signed_in("admin")
    found = await admin.get("/search?q=Viewer@example.com")
    assert found.headers["location"] == f"/people/{house.people['viewer']['id']}"
    assert "Nothing goes by that" in (await admin.get("/search?q=nobody@example.com")).text
    viewer = await house.signed_in("viewer")
    assert "Nothing goes by that" in (await viewer.get("/search?q=Viewer@example.com")).text, "people are for admins"


async def test_the_process_says_that_it_is_alive_and_how_everything_is(house: House) -> None:
    await house.op.redis.delete(PROCESSES)  # a gateway of another test tells of itself for some seconds more
    visitor = house.visitor()
    assert (await visitor.get("/healthz")).json() == {"status": "alive"}
    ready = await visitor.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["status"] == "down"
    assert ready.json()["checks"]["database"]["status"] == "ok"
    assert ready.json()["checks"]["gateways"]["why"] == ["no gateway runs: nothing is taken"]


async def test_a_large_document_is_not_laid_out_as_it_may_be_deep_as_well() -> None:
    deep: Any = [0] * 200_000
    for _ in range(100):
        deep = [deep]
    assert len(pretty(deep)) < 500_000
    assert pretty({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'


def test_a_time_of_any_size_is_drawn() -> None:
    assert '<time datetime="2026-01-31T12:00:00.123456+00:00" title="2026-01-31 12:00:00.123 UTC"' in moment(
        1_769_860_800_123_456
    )
    assert ">0001-01-01 00:00:00</time>" in moment(-(2**63))
    assert ">9999-12-31 23:59:59</time>" in moment("9999-12-31T23:59:59.999999Z")
