"""Who has some sources only: no search, no bulk job and no page leads them to another one."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from running import Running
from staffed import page, post, staff, write
from visitors import House

from gateway.operations.bulk import list_bulk

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def manned(running: Running) -> AsyncIterator[House]:
    yield await staff(running, "beyond", "within-ours", "within-theirs")


@pytest.mark.parametrize("kind", ["replay", "discard"])
async def test_bulk_work_on_a_source_that_is_not_mine_is_never_begun(manned: House, kind: str) -> None:
    visitor = await manned.signed_in("ours")
    before = (await list_bulk(manned.op))["jobs"]
    for source in ("within-theirs", "nowhere", "within-theirs,nowhere"):
        told = await write(visitor, f"/bulk/new?kind={kind}&source={source}", 400, reason="mine now", total="1")
        assert "reach none of these sources" in told
    assert (await list_bulk(manned.op))["jobs"] == before


async def test_what_an_event_changed_tells_nothing_that_others_have_said_of_the_person(
    running: Running, manned: House
) -> None:
    await post(running, "within-theirs", email="told@example.com", visits=60487)
    event_id = await post(running, "within-ours", email="told@example.com", visits=42)
    ours, everybody = await manned.signed_in("ours"), await manned.signed_in("integrator")
    assert "<del>60487</del>" in await page(everybody, f"/events/{event_id}")
    assert "/contacts/email:told%40example.com" in await page(everybody, f"/events/{event_id}")
    shown = await page(ours, f"/events/{event_id}")
    assert "<ins>42</ins>" in shown or ">42<" in shown
    assert "60487" not in shown.partition('id="effects"')[2].partition("</section>")[0]
    assert "/contacts/" not in shown
