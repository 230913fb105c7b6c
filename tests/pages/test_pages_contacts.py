"""Contacts on their pages: found by any identifier, told with the webhooks that said it, exported and erased."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, Running
from staffed import EVIL, last_write, page, post, staff, write
from visitors import House

from gateway.operations.audit import list_audit
from gateway.operations.contacts import find_contacts

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSON = "/contacts/email:pages-ann%40example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "contacts", "con-ours")


async def test_a_contact_is_found_by_the_beginning_of_any_identifier(running: Running, house: House) -> None:
    await post(running, "con-ours", email="pages-ann@example.com", visits=1)
    viewer = await house.signed_in("viewer")
    for text in ("pages-a", "PAGES-ANN@example.com", "email:pages-ann"):
        assert f'href="{PERSON}"' in (await page(viewer, f"/contacts?q={text}")).replace("email%3A", "email:"), text
    assert "Nobody goes by that" in await page(viewer, "/contacts?q=pages-nobody")
    part = await viewer.get("/contacts?q=pages-a", **{"hx-request": "true", "hx-target": "found"})
    assert part.text.strip().startswith('<div id="found"')
    found = await viewer.get("/search?q=Pages-Ann@example.com")
    assert found.headers["location"].replace("%3A", ":") == PERSON


async def test_a_contact_tells_what_changed_and_which_webhook_said_it(running: Running, house: House) -> None:
    first = await post(running, "con-ours", email="pages-ann@example.com", visits=EVIL)
    second = await post(running, "con-ours", email="pages-ann@example.com", visits=8)
    answer = await (await house.signed_in("viewer")).get(PERSON)
    assert EVIL not in answer.text
    timeline = answer.text.partition('class="timeline"')[2]
    assert timeline.index(second) < timeline.index(first), "newest first"
    assert "<ins>8</ins>" in timeline.replace("\n", "")
    assert "alert(1)" in timeline.partition("<del>")[2].partition("</del>")[0]
    assert 'href="/events/' in answer.text.partition("Where they come from")[2]
    assert "Export" not in answer.text
    assert "Erase this person" not in answer.text


async def test_a_merge_is_told_as_what_it_is_on_the_pages_of_the_person_and_of_the_event(
    running: Running, house: House
) -> None:
    mail, number = {"email": "pages-one@example.com"}, {"shop_id": "pages-7"}
    for identifiers in (mail, number, mail | number):
        action = {"identifiers": identifiers, "mergeOptions": {"mergeAllowed": True}}
        answer = await running.http.post("/api/upsertContact", json=action, headers=running.admin)
        await running.event(event_id := answer.json()["id"])
    viewer = await house.signed_in("viewer")
    timeline = (await page(viewer, "/contacts/email:pages-one@example.com")).partition('class="timeline"')[2]
    assert timeline.count("merged with") == 1
    told = timeline.partition(f"/events/{event_id}")[2].partition("</li>")[0]
    assert "<dt>merged with</dt><dd><ins>shop_id:pages-7</ins>" in told.replace("\n", "")
    event = await page(viewer, f"/events/{event_id}")
    assert "shop_id:pages-7" in event.partition("<dt>contact merged with</dt>")[2].partition("</dl>")[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [("nobody", 404), ("email:nobody@example.com", 404), ("email:", 400), (":x", 400), ("a:b/c", 404)],
)
async def test_an_address_of_nobody_says_so(house: House, path: str, status: int) -> None:
    assert (await (await house.signed_in("viewer")).get(f"/contacts/{path}")).status_code == status


async def test_people_are_for_those_who_may_see_every_source(running: Running, house: House) -> None:
    await post(running, "con-ours", email="pages-ann@example.com", visits=1)
    ours = await house.signed_in("ours")
    for path in ("/contacts", PERSON):
        assert (await ours.get(path)).status_code == 403
    assert "Nothing goes by that" in await page(ours, "/search?q=pages-ann@example.com")


async def test_a_person_is_exported_and_erased_by_an_admin_who_means_it(running: Running, house: House) -> None:
    name = "con-erased@example.com"
    await post(running, "con-ours", email=name, visits=1)
    admin, path = await house.signed_in("admin"), f"/contacts/email:{name}"
    for visitor in ("viewer", "integrator"):
        assert (await (await house.signed_in(visitor)).get(f"{path}/export.json")).status_code == 403
    exported = await admin.get(f"{path}/export.json")
    assert exported.headers["content-disposition"].startswith("attachment")
    assert name in exported.text
    assert "to say that you mean it" in await write(admin, f"{path}/erase", 422, typed="yes")
    assert await find_contacts(house.op, name)
    assert await write(admin, f"{path}/erase", typed=f"email:{name}") == "/contacts"
    for _ in range(int(PATIENCE_SECONDS * 20)):
        erased, _ = await list_audit(house.op, operation="contact.erase")
        if erased and erased[0]["actor"] == f"user:{admin.email}":
            break
        await asyncio.sleep(0.05)
    assert (await admin.get(path)).status_code == 404
    assert (await last_write(house, "contact.erase"))["actor"] == "user:contacts-admin@example.com"
