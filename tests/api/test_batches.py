"""Batches: each element is an event of its own; all are checked first, then all are accepted."""

from typing import Any

import orjson
import pytest
from examples import bodies
from running import Running

from gateway.operations import events
from gateway.queue.keys import PENDING

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def post(running: Running, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await running.http.post("/api/batch", content=content, headers={**running.admin, **headers})


def contact(email: str, **attributes: Any) -> dict[str, Any]:
    return {"action": "upsertContact", "identifiers": {"email": email}, "attributes": attributes}


async def test_each_element_is_an_event_of_its_own_in_the_order_given(running: Running) -> None:
    elements = [{"action": name, **body} for name, body in bodies("batch@example.com").items()]
    answer = await post(running, elements)
    assert answer.status_code == 202
    told = answer.json()["events"]
    assert [event["status"] for event in told] == ["queued"] * 8
    assert [event["id"] for event in told] == sorted(event["id"] for event in told)
    for event, element in zip(told, elements, strict=True):
        found = await running.event(event["id"])
        assert (found["status"], found["actions"][0]["action"]) == ("applied", element["action"])


async def test_one_bad_element_refuses_the_whole_batch(running: Running) -> None:
    good = [contact(f"all-{n}@example.com", n=n) for n in range(5)]
    before = set(await running.op.redis.hkeys(PENDING))  # of other tests, whose worker is not done
    answer = await post(running, [*good, {"action": "upsertContact", "identifiers": {}}, {"action": "explode"}])
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/5/identifiers", "/6"]
    assert (await running.contact("email", "all-0@example.com")).status_code == 404
    assert set(await running.op.redis.hkeys(PENDING)) <= before


@pytest.mark.parametrize(
    ("body", "status"), [(b"[]", 422), (b"{}", 422), (b"[1]", 422), (b"[[]]", 422), (b"[", 400), (b"null", 422)]
)
async def test_what_is_no_batch_is_refused(running: Running, body: bytes, status: int) -> None:
    assert (await post(running, body)).status_code == status


async def test_ten_thousand_are_taken_and_one_more_is_refused(running: Running) -> None:
    small = [{"action": "upsertContact", "identifiers": {"n_id": n % 7}} for n in range(10_001)]
    refused = await post(running, small)
    assert refused.status_code == 422
    assert "10000" in refused.json()["detail"]
    taken = await post(running, small[:-1])
    assert taken.status_code == 202
    ids = [event["id"] for event in taken.json()["events"]]
    assert len(set(ids)) == 10_000
    for event_id in (ids[0], ids[-1]):
        assert (await running.event(event_id))["status"] == "applied"


async def test_a_batch_sent_twice_under_one_idempotency_key_counts_once(running: Running) -> None:
    elements = [contact(f"twice-{n}@example.com", n=n) for n in range(3)]
    first, second = [(await post(running, elements, **{"idempotency-key": "batch-1"})).json() for _ in range(2)]
    assert [(await running.event(event["id"]))["status"] for event in first["events"]] == ["applied"] * 3
    replaced = [(await running.event(event["id"]))["replaced_by"] for event in second["events"]]
    assert replaced == [event["id"] for event in first["events"]]


async def test_later_elements_of_a_batch_win(running: Running) -> None:
    answer = await post(running, [contact("later@example.com", n=n) for n in range(20)])
    for event in answer.json()["events"]:
        await running.event(event["id"])
    assert (await running.contact("email", "later@example.com")).json()["attributes"] == {"n": 19}


async def test_the_body_of_each_event_is_its_element(running: Running) -> None:
    from gateway.store.requests import load_request

    answer = await post(running, b' [ {"action":"upsertContact", "identifiers":{"email":"el@example.com"} } ] ')
    event_id = answer.json()["events"][0]["id"]
    await running.event(event_id)
    stored = await running.op.read(lambda conn: load_request(conn, event_id))
    assert stored is not None
    assert orjson.loads(stored[1]) == {"action": "upsertContact", "identifiers": {"email": "el@example.com"}}
    assert await events.list_events(running.op, source="api", limit=1)


async def test_long_headers_are_not_kept_ten_thousand_times(running: Running) -> None:
    """Each action keeps the head of its request: 60 KB of it took a gateway three gigabytes."""
    long = {f"x-{number}": "A" * 8000 for number in range(7)}
    answer = await post(running, [contact(f"heads-{n}@example.com") for n in range(1000)], **long)
    assert answer.status_code == 413
    assert (await post(running, [contact(f"heads-{n}@example.com") for n in range(10)], **long)).status_code == 202
