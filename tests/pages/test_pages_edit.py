"""Edit and replay: what somebody touched in the form changes, and nothing else."""

import re
from html import unescape

import pytest
import pytest_asyncio
from running import WORD, Running
from staffed import page, staff
from visitors import House

from gateway.operations.keeping import redact_source
from gateway.operations.requests import show_request

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> House:
    return await staff(running, "edit", "edit-ours")


async def test_what_was_not_touched_in_the_form_is_sent_to_the_byte(running: Running, house: House) -> None:
    raw = b'{"email":  "edit@example.com", "visits": 1.10, "f": 0.100000000000000005, "dup": 1, "dup": 2, "e": 1E3}\r\n'
    answer = await running.http.post("/in/edit-ours", content=raw, headers=WORD)
    event_id = answer.json()["id"]
    await running.event(event_id)
    visitor = await house.signed_in("integrator")
    fields = _fields(await page(visitor, f"/events/{event_id}/edit"))
    same = await visitor.post(f"/events/{event_id}/edit", fields)
    copy_id = same.headers["location"].rpartition("/")[2]
    event = await running.event(copy_id)
    assert event["edited_from"] == event_id
    shown = await show_request(running.op, copy_id, is_raw=True)
    assert shown["text"].encode() == raw
    changed = {**fields, "body": fields["body"].replace("edit@", "edited@"), "query": "a=b"}
    other = (await visitor.post(f"/events/{event_id}/edit", changed)).headers["location"].rpartition("/")[2]
    await running.event(other, "applied")
    shown = await show_request(running.op, other, is_raw=True)
    assert (shown["text"].encode(), shown["head"]["query"]) == (raw.replace(b"edit@", b"edited@"), "a=b")
    assert other in await page(visitor, f"/events/{event_id}"), "the original leads to its copies"
    refused = await visitor.post(f"/events/{event_id}/edit", {**fields, "headers": "no colon here"})
    assert refused.status_code == 422
    assert "line 1 of the headers" in unescape(refused.text)


def _fields(form: str) -> dict[str, str]:
    """Give what a browser would send of the form of an edited copy."""
    areas = {
        name: form.partition(f'name="{name}"')[2].partition(">\n")[2].partition("</textarea>")[0].replace("\n", "\r\n")
        for name in ("body", "headers")
    }
    inputs = {
        name: found[1]
        for name in ("masked_as", "query")
        if (found := re.search(f'name="{name}".* value="([^"]*)"', form))
    }
    return {"query": "", **inputs, **areas}


async def test_what_is_masked_in_the_form_goes_out_as_it_came(running: Running, house: House) -> None:
    await redact_source(running.op, "edit-ours", paths=["email"])
    raw = b'{"email":"hide@example.com","token":5,"visits":1}'
    headers = {**WORD, "x-hub-signature": "s1gned"}
    answer = await running.http.post("/in/edit-ours?token=t0p&a=%20", content=raw, headers=headers)
    path = f"/events/{answer.json()['id']}/edit"
    await running.event(answer.json()["id"])
    visitor = await house.signed_in("integrator")
    text = await page(visitor, path)
    for hidden in ("hide@example.com", "s1gned", "t0p"):
        assert hidden not in text
        assert hidden in await page(visitor, f"{path}?raw=on")
    fields = _fields(text)
    changed = {**fields, "body": fields["body"].replace('"visits": 1', '"visits": 2')}
    changed |= {"headers": f"x-new: 1\n{fields['headers']}", "query": f"{fields['query']}&b=c"}
    copy = (await visitor.post(path, changed)).headers["location"].rpartition("/")[2]
    await running.event(copy, "applied")
    shown = await show_request(running.op, copy, is_raw=True)
    assert shown["text"].encode() == raw.replace(b'"visits":1', b'"visits":2')
    assert {"x-hub-signature": "s1gned", "x-new": "1"}.items() <= dict(shown["head"]["headers"]).items()
    assert shown["head"]["query"] == "token=t0p&a=%20&b=c"
    broken = unescape((await visitor.post(path, {**fields, "body": '{"email": "x•••1"}'})).text)
    assert 'id="events-send-body-fault">••• stands for a masked value' in broken
    await redact_source(running.op, "edit-ours", paths=["visits"])
    assert "What is masked has changed" in (await visitor.post(path, changed)).text
