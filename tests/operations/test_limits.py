"""Limits of one source: set by name, held from the next request on, refused where they make no sense."""

import asyncio
from dataclasses import fields
from typing import Any

import orjson
import pytest
from running import OPEN_SCRIPT, WORD, Running
from sqlalchemy import select

from gateway.errors import NotFound, OperatorError, ScriptRefused
from gateway.operations import drafts, limits
from gateway.operations.scripts import push_script
from gateway.registry import EDGE_LIMITS
from gateway.sandbox.limits import MIB, Limits
from gateway.store.tables import audit

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOPS = """
def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    while True:
        pass
"""


def own(table: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["limit"]: row["value"] for row in table if row["is_own"]}


async def test_every_limit_that_anything_reads_can_be_set_and_no_other() -> None:
    assert set(limits.RANGES) == {field.name for field in fields(Limits)} | set(EDGE_LIMITS)


async def test_the_usual_value_of_every_limit_is_one_that_may_be_set() -> None:
    usual = {field.name: field.default for field in fields(Limits) if field.default is not None}
    assert [name for name, value in usual.items() if not limits.RANGES[name].takes(value)] == []


async def test_a_limit_holds_from_the_next_request_on_and_goes_when_it_is_taken_back(running: Running) -> None:
    await running.add_source("looping", LOOPS)
    table = await limits.set_limits(running.op, "looping", {"wall_seconds": 0.1, "transform_cpu_seconds": 5})
    assert own(table) == {"wall_seconds": 0.1, "transform_cpu_seconds": 5}
    answer = await running.http.post("/in/looping", content=b"{}", headers=WORD)
    event = await running.event(answer.json()["id"])
    assert event["reason"] == "limit: wall_clock 0.1 s"

    assert own(await limits.set_limits(running.op, "looping", {}, unset=["wall_seconds"])) == {
        "transform_cpu_seconds": 5
    }
    assert own(await limits.list_limits(running.op, "looping")) == {"transform_cpu_seconds": 5}
    rows = select(audit).where(audit.c.subject == "looping", audit.c.operation == "source.limits").order_by(audit.c.id)
    first, second = await running.op.read(lambda conn: conn.execute(rows).all())
    assert (orjson.loads(first.before), orjson.loads(second.before)) == ({}, orjson.loads(first.after))


async def test_bodies_of_ten_mebibytes_are_taken_where_a_source_may_send_them(running: Running) -> None:
    await running.add_source("large")
    body = orjson.dumps({"email": "large@example.com", "visits": 1, "padding": "x" * (10 * MIB - 100)})
    await limits.set_limits(running.op, "large", {"body_bytes_max": 10 * MIB})
    answer = await running.http.post("/in/large", content=body, headers=WORD)
    assert answer.status_code == 202
    assert (await running.event(answer.json()["id"]))["status"] == "applied"


async def test_a_source_has_no_more_requests_at_work_than_its_limit_and_another_notices_nothing(
    running: Running,
) -> None:
    await running.add_source("crowded", LOOPS)
    await running.add_source("roomy")
    # The first two are still at work when the last one comes, however slowly they come.
    await limits.set_limits(running.op, "crowded", {"in_flight_count": 2, "transform_cpu_seconds": 1.0})
    crowd = [running.http.post("/in/crowded", content=b"{}", headers=WORD) for _ in range(6)]
    calm = running.http.post("/in/roomy", json={"email": "roomy@example.com", "visits": 1}, headers=WORD)
    *answers, calm_answer = await asyncio.gather(*crowd, calm)
    assert calm_answer.status_code == 202
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 4
    assert {(answer.headers["retry-after"], "at work already" in answer.text) for answer in refused} == {("1", True)}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"wall_second": 1}, "did you mean wall_seconds?"),
        ({"colour": 1}, "there are authenticate_cpu_seconds"),
        ({"wall_seconds": 0}, "wall_seconds is a number from 0.05 to 15.0, not 0"),
        ({"wall_seconds": "soon"}, "not 'soon'"),
        ({"wall_seconds": float("nan")}, "not nan"),
        ({"actions_count": 1.5}, "actions_count is a whole number from 1 to 10000, not 1.5"),
        ({"actions_count": True}, "not True"),
        ({"body_bytes_max": 10 * MIB + 1}, "from 1024 to 10485760"),
    ],
)
async def test_what_is_no_limit_is_refused_with_what_is(running: Running, values: dict[str, Any], says: str) -> None:
    with pytest.raises(OperatorError) as caught:
        await limits.set_limits(running.op, "nobody", values)
    assert says in caught.value.detail


async def test_a_limit_of_nobody_is_refused(running: Running) -> None:
    with pytest.raises(NotFound):
        await limits.set_limits(running.op, "nobody", {"wall_seconds": 1})


async def test_a_text_is_checked_under_the_limits_of_its_own_source(running: Running) -> None:
    op, name, long_text = running.op, "wordy", OPEN_SCRIPT + "# more\n" * 10_000
    await running.add_source(name)
    with pytest.raises(ScriptRefused, match="the limit is 64 KiB"):
        await push_script(op, name, long_text, is_published=True)
    await limits.set_limits(op, name, {"source_bytes": 128 * 1024})
    assert (await drafts.check_draft(op, name, long_text))["problems"] == []
    await push_script(op, name, long_text, is_published=True)
    answer = await running.http.post(f"/in/{name}", content=b'{"email": "a@example.com", "visits": 1}', headers=WORD)
    assert answer.json()["status"] == "queued"
    await limits.set_limits(op, name, {"source_bytes": 1024})
    assert "the limit is 1 KiB" in (await drafts.check_draft(op, name, "#" * 1025))["problems"][0]["message"]
