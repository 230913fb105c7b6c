"""The overview: figures of the span and the source that were asked for, what needs a person, and the stream."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from running import PATIENCE_SECONDS, WORD, Running
from staffed import page, post, staff
from ulid import ULID
from visitors import House, open_house

from console.pages import overview
from gateway.event import Lane
from gateway.operations.sources import add_source, remove_source
from gateway.queue.keys import queue_name

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(running: Running) -> AsyncIterator[House]:
    house = await staff(running, "overview", "ovr-ours", "ovr-theirs")
    await post(running, "ovr-ours", email="overview@example.com", visits=1)
    await post(running, "ovr-theirs", email="overview@example.com")
    await running.http.post("/in/ovr-theirs", json={}, headers={"x-word": "wrong"})
    yield house


async def test_the_figures_are_of_the_span_and_the_source_that_were_asked_for(house: House) -> None:
    viewer = await house.signed_in("viewer")
    for span in overview.SPANS:
        text = await page(viewer, f"/overview?span={span}")
        assert f"the last {overview.SPANS[span]}" in text
        charts = [json.loads(part.partition('"></hw-chart')[0]) for part in text.split('data-series="')[1:]]
        assert [len(chart["lines"]) for chart in charts] == [2, 3, 3]
        assert all(len(line["y"]) == len(chart["x"]) for chart in charts for line in chart["lines"])
    assert "with ovr-ours" in await page(viewer, "/overview?source=ovr-ours")
    assert "the last 1 hour" in await page(viewer, "/overview?span=nonsense&source=nonsense")


async def test_the_age_of_the_oldest_job_is_told_lane_by_lane(tmp_path: Path, valkey_url: str) -> None:
    async with open_house(tmp_path, f"{valkey_url.partition('?')[0]}?db=23") as house:  # where no worker takes it
        for lane, age in ((Lane.BULK, 7000), (Lane.LIVE, 10)):
            made_at = time.time() - age
            await house.op.redis.zadd(queue_name(lane), {f"job_{ULID.from_timestamp(made_at)}": made_at * 1000})
        text = await page(await house.signed_in("viewer"), "/overview")
        told = re.search(r"oldest: live ([\d.]+) s, bulk ([\d.]+) s · bulk jobs: 1", text)
        assert told, text.partition("In the queue")[2][:300]
        assert float(told[1]) < 7000 <= float(told[2])
        await house.op.redis.delete(*(queue_name(lane) for lane in Lane))


async def test_what_needs_a_person_is_named_and_leads_there(house: House) -> None:
    await add_source(house.op, "ovr-bare", plugin="stripe")
    text = await page(await house.signed_in("viewer"), "/overview")
    needs = text.partition("Needs a person")[2].partition("</section>")[0]
    assert 'href="/issues/' in needs
    assert "KeyError: visits" in needs
    assert 'href="/sources/ovr-bare"' in needs
    assert "lacks signing_secret" in needs


async def test_who_may_see_some_sources_sees_the_figures_of_those_alone(house: House) -> None:
    ours = await house.signed_in("ours")
    for path in ("/overview", "/overview?source=ovr-theirs", "/overview?source="):
        text = await page(ours, path)
        assert "with ovr-ours" in text
        assert 'href="/sources/ovr-theirs"' not in text
        assert '<option value="ovr-theirs"' not in text
        assert "ovr-bare" not in text
        assert "All sources" not in text
    assert (await ours.get("/metrics")).status_code == 403


async def test_whose_only_source_is_gone_sees_no_figures_of_others(house: House) -> None:
    await add_source(house.op, "ovr-gone")
    house.people["gone"] = await house.add("overview-gone@example.com", "viewer", "ovr-gone")
    await remove_source(house.op, "ovr-gone")
    text = await page(await house.signed_in("gone"), "/overview")
    assert "with ovr-gone" in text
    assert "<strong>0</strong>" in text.partition("Requests</span>")[2][:40]


async def test_the_stream_says_that_there_is_something_to_look_at(house: House, monkeypatch) -> None:
    monkeypatch.setattr(overview, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(overview, "TICKS_MAX", 3)
    viewer = await house.signed_in("viewer")
    answer = await viewer.get("/overview/ticks")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == "event: tick\ndata: look\n\n" * 3
    monkeypatch.setattr(overview, "_streams", type(overview._streams)(0))
    full = await viewer.get("/overview/ticks")
    assert full.status_code == 503
    assert full.headers["retry-after"]


async def test_all_figures_are_there_for_prometheus(house: House) -> None:
    viewer = await house.signed_in("viewer")
    for _ in range(int(PATIENCE_SECONDS * 10)):  # processes tell their counters once a while
        if "ovr-ours" in (text := await page(viewer, "/metrics")):
            break
        await asyncio.sleep(0.1)
    assert "# TYPE hookwright_" in text
    assert 'source="ovr-ours"' in text


async def test_a_part_of_the_page_is_drawn_alone_for_htmx(running: Running, house: House) -> None:
    await running.http.post("/in/ovr-ours", json={"email": "o@example.com", "visits": 1}, headers=WORD)
    answer = await (await house.signed_in("viewer")).get("/overview", **{"hx-request": "true", "hx-target": "glance"})
    assert answer.text.strip().startswith('<div id="glance"')
    assert "<main" not in answer.text
