"""Events with a thousand actions and a body of a megabyte: their pages show the beginning, and lead to the whole."""

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from running import WORD, Running
from staffed import page, staff, write
from visitors import House

from console.pages.event import BODY_SHOWN
from gateway.operations.action_rows import SHOWN_MAX as ACTIONS_SHOWN
from gateway.operations.keeping import redact_source
from gateway.operations.timeline import EVENT_EFFECTS_MAX as EFFECTS_SHOWN

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 1000
GENEROUS = f'''"""Gives as many actions as a script may."""

from gateway.toolbox import upsert_contact


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    for number in range({MANY}):
        attributes = {{f"field_{{place}}": f"value {{place}} of {{number}}" for place in range(20)}}
        yield upsert_contact(identifiers={{"large_id": f"large-{{number}}"}}, attributes=attributes)
'''
PAGE_BYTES_MAX = 600_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    house = await staff(running, "large", "lrg-ours", "lrg-theirs")
    await running.add_source("lrg-many", GENEROUS)
    yield house


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def event_id(running: Running, house: House) -> str:
    body = orjson.dumps({"rows": [{"number": number, "text": "wide"} for number in range(25_000)]})
    answer = await running.http.post("/in/lrg-many", content=body, headers=WORD)
    found = await running.event(answer.json()["id"])
    assert found["status"] == "applied"
    return str(found["id"])


async def test_the_page_of_a_thousand_actions_shows_the_first_and_leads_to_all(house: House, event_id: str) -> None:
    viewer = await house.signed_in("viewer")
    shown = await page(viewer, f"/events/{event_id}")
    assert len(shown.encode()) < PAGE_BYTES_MAX
    actions = shown.partition('id="actions"')[2].partition('id="effects"')[0]
    assert actions.count('class="action-name"') == ACTIONS_SHOWN
    assert f"… and {MANY - ACTIONS_SHOWN} more" in actions
    assert "Actions (1000)" in shown
    effects = shown.partition('id="effects"')[2].partition('id="log"')[0]
    assert effects.count('<th scope="row">') == EFFECTS_SHOWN
    assert f"Only the first {EFFECTS_SHOWN} are shown" in effects
    whole = await viewer.get(f"/events/{event_id}/actions")
    assert whole.headers["content-type"] == "application/json"
    assert len(whole.json()) == MANY
    assert f'href="/events/{event_id}/actions"' in actions


async def test_the_page_of_a_long_body_shows_its_beginning_and_leads_to_all_of_it(house: House, event_id: str) -> None:
    viewer = await house.signed_in("viewer")
    request = (await page(viewer, f"/events/{event_id}")).partition('id="request"')[2].partition('id="actions"')[0]
    assert len(request) < 3 * BODY_SHOWN
    assert f'href="/events/{event_id}/text"' in request
    whole = await viewer.get(f"/events/{event_id}/text")
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(whole.json()["rows"]) == 25_000


async def test_what_leads_to_the_whole_is_for_who_may_see_the_event_and_masked_alike(
    running: Running, house: House, event_id: str
) -> None:
    ours = await house.signed_in("ours")
    for part in ("actions", "text"):
        assert (await ours.get(f"/events/{event_id}/{part}")).status_code in (403, 404)
    await redact_source(running.op, "lrg-many", paths=["rows.*.text"])
    viewer = await house.signed_in("viewer")
    assert (await viewer.get(f"/events/{event_id}/text")).json()["rows"][0]["text"] != "wide"


async def test_a_try_that_gives_a_thousand_actions_shows_the_first(house: House, event_id: str) -> None:
    integrator = await house.signed_in("integrator")
    fields = {"text": GENEROUS, "request": f"event:{event_id}"}
    shown = await write(integrator, "/sources/lrg-many/script/try", 200, **fields)
    assert shown.count('class="action-row"') == ACTIONS_SHOWN
    assert f"… and {MANY - ACTIONS_SHOWN} more" in shown
    assert len(shown.encode()) < PAGE_BYTES_MAX
