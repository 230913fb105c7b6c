"""Bulk work on its pages: begun once, and what became of it told without flattery."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, Running
from staffed import page, post, staff
from visitors import House

from console.pages.bulk import tell_outcome
from gateway.ids import mint_bulk_id
from gateway.operations import bulk
from gateway.operations.audit import list_audit
from gateway.operations.searching import EventFilter, search_events

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> House:
    return await staff(running, "bulk", "twice")


async def test_a_form_that_is_sent_twice_begins_one_job(running: Running, house: House) -> None:
    await post(running, "twice", email="twice@example.com", visits=1)
    visitor, address = await house.signed_in("integrator"), "/bulk/new?kind=replay&source=twice"
    form = {"once": once(await page(visitor, address)), "total": "1"}
    first, second = await asyncio.gather(*(visitor.post(address, form) for _ in range(2)))
    assert first.headers["location"] == second.headers["location"]
    job_id = first.headers["location"].rpartition("/")[2]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await bulk.load_bulk(house.op, job_id))["result"].get("applied"):
            await asyncio.sleep(0.02)
    assert (await visitor.post(address, form)).headers["location"] == first.headers["location"]
    assert "This form was sent before" in await page(visitor, "/account"), "said once"
    assert await count_events(running, EventFilter(sources=("twice",), bulk_id=job_id)) == 1
    assert len(await list_audit_of(running, job_id)) == 1
    for forged in (form["once"][:-1] + "x", f"{mint_bulk_id()}.{form['once'].partition('.')[2]}", "blk_"):
        assert (await visitor.post(address, {**form, "once": forged})).status_code == 422
    theirs = await house.signed_in("admin")
    assert (await theirs.post(address, form)).status_code == 422, "the form is of who it was drawn for"
    anew = (await visitor.post(address, {"once": once(await page(visitor, address))})).headers["location"]
    assert anew != first.headers["location"]


def once(text: str) -> str:
    return text.partition('name="once" value="')[2].partition('"')[0]


async def count_events(running: Running, chosen: EventFilter) -> int:
    return len((await search_events(running.op, chosen))["events"])


async def list_audit_of(running: Running, subject: str) -> list[Any]:
    return [row for row in (await list_audit(running.op, operation="bulk.replay"))[0] if row["subject"] == subject]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"applied": 3, "ignored": 1}, "Every one of them went through."),
        ({"duplicate": 40, "queued": 0}, "0 went through; 40 duplicate: another event stands for the same delivery."),
        ({"applied": 2, "duplicate": 1, "held": 4}, "2 went through; 1 duplicate: another event stands"),
        ({"held": 4}, "0 went through; 4 held, since the source is paused."),
    ],
)
async def test_what_counts_for_nothing_is_told_apart_from_what_went_through(result: dict[str, int], words: str) -> None:
    assert tell_outcome(result).startswith(words)
