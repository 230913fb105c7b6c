"""Export and import: what one Hookwright knows another one knows after it, and nothing is told twice."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from running import WORD, Running, prepare, run_all

from gateway.cli.arguments import parse_since
from gateway.errors import OperatorError, QueueUnavailable
from gateway.operations import discard, exporting, importing, replay, scripts
from gateway.operations.exporting import export_events
from gateway.operations.importing import Report, import_events
from gateway.operations.operator import open_operator
from gateway.operations.requests import show_request
from gateway.store import exports
from gateway.store.exports import ExportFilter
from gateway.store.requests import load_request

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOP = '''"""A shop: people, orders, carts; breaks where it is told to."""

from gateway.toolbox import add_products_to_cart, upsert_contact, upsert_order


def authenticate(request, context):
    return request.headers.get("x-word") == context.secrets["word"]


def transform(request, context):
    said = request.json
    if said.get("breaks"):
        raise ValueError("broken")
    if said.get("is_nothing"):
        return
    contact = {"identifiers": {"email": said["email"]}}
    yield upsert_contact(**contact, attributes={"visits": said["visits"], "ratio": 0.1}, merge_allowed=True)
    yield upsert_order(
        contact=contact, order_id=said["order"], purchase_date="2026-01-01T00:00:00Z", status=said["state"], items=[],
        total_amount="12345678901234.12345678", occurred_at=said["at"],
    )
    yield add_products_to_cart(
        contact=contact, items=[{"productID": "p", "sku": "", "name": "thing", "category": "", "qty": said["visits"]}],
        occurred_at=said["at"],
    )
'''


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Run a second product, empty, with a database and a queue of its own."""
    async with run_all(prepare(tmp_path_factory.mktemp("other"), f"{valkey_url}?db=28")) as running:
        yield running


async def post(running: Running, source: str, **said: Any) -> str:
    answer = await running.http.post(f"/in/{source}", json=said, headers={**WORD, "x-signature": "s1gned"})
    event_id = str(answer.json()["id"])
    await running.event(event_id)
    return event_id


async def exported(running: Running, source: str, *, is_raw: bool = True) -> list[bytes]:
    return [line async for line in export_events(running.op, ExportFilter(source=source), is_raw=is_raw)]


async def read_in(running: Running, content: bytes) -> Report:
    reports = [report async for report in import_events(running.op, io.BytesIO(content))]
    return reports[-1]


async def imported(running: Running, lines: Sequence[bytes]) -> Report:
    report = await read_in(running, b"".join(lines))
    for line in lines:
        try:
            event_id = orjson.loads(line)["id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
        if all(event_id not in why for _, why in report.faults):
            await running.event(event_id)
    return report


def order(email: str, visits: int, state: str = "paid", at: str = "2026-01-02T00:00:00Z") -> dict[str, Any]:
    return {"email": email, "visits": visits, "order": f"o-{email}", "state": state, "at": at}


async def fill(running: Running, source: str) -> dict[str, str]:
    """Send a bit of everything that may become of an event; gives the ids by what became of them."""
    await running.add_source(source, SHOP)
    ids = {
        "late": await post(running, source, **order("ann@round.example", 2, "sent", "2026-01-03T00:00:00Z")),
        "early": await post(running, source, **order("ann@round.example", 1, "paid", "2026-01-01T00:00:00Z")),
        "other": await post(running, source, **order("bob@round.example", 7)),
        "ignored": await post(running, source, is_nothing=True),
        "failed": await post(running, source, breaks=True),
        "discarded": await post(running, source, breaks=True),
        "replaced": await post(running, source, **order("ann@round.example", 3, "late", "2026-01-04T00:00:00Z")),
    }
    await discard.discard_event(running.op, ids["discarded"], "a test")
    await scripts.push_script(running.op, source, SHOP.replace('said["state"]', '"again"'), is_published=True)
    ids["replay"] = await replay.replay_event(running.op, ids["replaced"])
    await running.event(ids["replay"])
    return ids


async def answers(running: Running) -> list[Any]:
    people = [(await running.contact("email", f"{name}@round.example")).json() for name in ("ann", "bob")]
    orders = [
        (await running.http.get(f"/api/orders/o-{name}@round.example", headers=running.admin)).json()
        for name in ("ann", "bob")
    ]
    return [*people, *orders]


async def test_an_import_into_an_empty_hookwright_gives_the_same_answers(running: Running, other: Running) -> None:
    ids = await fill(running, "round-trip")
    lines = await exported(running, "round-trip")
    assert [orjson.loads(line)["id"] for line in lines] == sorted(ids.values())
    report = await imported(other, list(reversed(lines)))
    assert (report.lines, report.queued, report.known, report.faulty) == (len(lines), len(lines), 0, 0)
    assert await answers(other) == await answers(running)
    for event_id in ids.values():
        before, after = await running.event(event_id), await other.event(event_id)
        same = ("root", "replay_of", "status", "reason", "received_at", "occurred_at", "actions", "logs", "trace")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        assert after["lane"] == "bulk"
        raw = [await one.op.read(lambda conn, it=event_id: load_request(conn, it)) for one in (running, other)]
        assert raw[0] == raw[1]
    assert (await exported(other, "round-trip")) != []
    assert [_lasting(line) for line in await exported(other, "round-trip")] == [_lasting(line) for line in lines]

    again = await imported(other, lines)
    assert (again.queued, again.known, again.faulty) == (0, len(lines), 0)
    assert await answers(other) == await answers(running)


def _lasting(line: bytes) -> dict[str, Any]:
    return {name: value for name, value in orjson.loads(line).items() if name not in ("created_at", "applied_at")}


async def test_an_imported_event_can_be_replayed_where_its_source_is(running: Running, other: Running) -> None:
    await running.add_source("moved", SHOP)
    event_id = await post(running, "moved", **order("moved@example.com", 1))
    await imported(other, await exported(running, "moved"))
    await other.add_source("moved", SHOP.replace('said["state"]', '"moved"'))
    replayed = await other.event(await replay.replay_event(other.op, event_id))
    assert (replayed["status"], replayed["replay_of"]) == ("applied", event_id)


async def test_a_masked_export_hides_what_is_hidden_elsewhere_and_cannot_be_imported(
    running: Running, other: Running
) -> None:
    await running.add_source("masked-export")
    event_id = await post(running, "masked-export", email="masked@example.com", visits=1, token="t0ken")
    (line,) = await exported(running, "masked-export", is_raw=False)
    shown = await show_request(running.op, event_id)
    document = orjson.loads(line)
    assert (document["is_whole"], document["request"]["head"]) == (False, shown["head"])
    assert b"s1gned" not in line
    report = await read_in(other, line)
    assert (report.queued, report.faults) == (
        0,
        [(1, "a masked export is for reading; what is to be imported is exported with --raw")],
    )


async def test_a_wrong_line_is_named_and_the_others_are_imported(running: Running, other: Running) -> None:
    await running.add_source("faults", SHOP)
    for number in range(2):
        await post(running, "faults", **order(f"fault{number}@example.com", 1))
    first, second = await exported(running, "faults")
    document = orjson.loads(first)
    wrong = [
        b"not json\n",
        orjson.dumps(document | {"id": "evt_short"}) + b"\n",
        orjson.dumps(document | {"hookwright_event": 2}) + b"\n",
        orjson.dumps(document | {"surprise": 1}) + b"\n",
        orjson.dumps(document | {"actions": [{"action": "explode"}]}) + b"\n",
        orjson.dumps(document | {"request": {"head": {}, "body_base64": "***"}}) + b"\n",
        orjson.dumps(document | {"received_at": "2026-01-01T00:00:00"}) + b"\n",
        orjson.dumps(document | {"occurred_at": "0001-01-01T00:00:00+14:00"}) + b"\n",
        orjson.dumps(document | {"received_at": "9999-12-31T23:59:59-14:00"}) + b"\n",
        b"[" * 100_000 + b"\n",
    ]
    report = await read_in(other, b"".join([first, b"\n", *wrong, second]))
    assert (report.lines, report.queued, report.faulty) == (len(wrong) + 3, 2, len(wrong))
    assert [number for number, _ in report.faults] == list(range(3, 3 + len(wrong)))
    told = dict(report.faults)
    assert told[4].startswith("id: ")
    assert told[6].startswith("surprise: ")
    assert "no such action" in told[7]
    assert "base64" in told[8]
    assert told[10].startswith("occurred_at: ")
    assert told[11].startswith("received_at: ")
    assert all("outside the years 1 to 9999" in told[line] for line in (10, 11))
    for line in (first, second):
        assert (await other.event(orjson.loads(line)["id"]))["status"] == "applied"


async def test_a_line_without_end_is_left_out_without_being_held(
    running: Running, monkeypatch: pytest.MonkeyPatch, other: Running
) -> None:
    monkeypatch.setattr(importing, "LINE_BYTES_MAX", 20_000)
    await running.add_source("endless", SHOP)
    await post(running, "endless", **order("endless@example.com", 1))
    (line,) = await exported(running, "endless")
    report = await imported(other, [b'"' + b"x" * 70_000 + b'"\n', line])
    assert (report.lines, report.queued, report.faults) == (2, 1, [(1, "longer than 20000 bytes")])
    assert report.bytes_read == 70_003 + len(line)


async def test_numbers_in_actions_go_over_digit_for_digit(running: Running, other: Running) -> None:
    await running.add_source("digits", SHOP)
    await post(running, "digits", **order("digits@example.com", 1))
    (line,) = await exported(running, "digits")
    exact = line.replace(b'"12345678901234.12345678"', b"12345678901234.12345678")
    assert exact != line
    await imported(other, [exact])
    assert _lasting_text(await exported(other, "digits")) == _lasting_text([exact])


def _lasting_text(lines: Sequence[bytes]) -> list[bytes]:
    return [line.partition(b'"actions":')[2] for line in lines]


async def test_an_event_whose_request_was_gone_is_imported_without_one(running: Running, other: Running) -> None:
    await running.add_source("gone", SHOP)
    event_id = await post(running, "gone", **order("gone@example.com", 1))
    (line,) = await exported(running, "gone")
    await imported(other, [orjson.dumps(orjson.loads(line) | {"request": None}) + b"\n"])
    event = await other.event(event_id)
    assert event["status"] == "applied"
    assert event["pruned_at"] is not None
    assert await other.op.read(lambda conn: load_request(conn, event_id)) is None


async def test_many_are_exported_page_by_page_and_only_what_is_chosen(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE_EVENTS", 3)
    await running.add_source("pages", SHOP)
    ids = [await post(running, "pages", **order(f"page{number}@example.com", 1)) for number in range(7)]
    assert [orjson.loads(line)["id"] for line in await exported(running, "pages")] == ids
    middle = json.loads((await exported(running, "pages"))[3])["created_at"]
    chosen = ExportFilter(source="pages", since=parse_since(middle), status="applied")
    assert await exporting.count_export(running.op, chosen) == 4
    assert [orjson.loads(line)["id"] async for line in export_events(running.op, chosen)] == ids[3:]
    chosen = ExportFilter(source="pages", until=parse_since(middle))
    assert [orjson.loads(line)["id"] async for line in export_events(running.op, chosen)] == ids[:3]
    with pytest.raises(OperatorError, match="no status"):
        await exporting.count_export(running.op, ExportFilter(status="lost"))


async def test_an_import_that_nobody_works_off_stops_and_goes_on_later(
    running: Running, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BULK_EVENTS_MAX", 1)
    await running.add_source("unattended", SHOP)
    for number in range(10):
        await post(running, "unattended", **order(f"u{number}@example.com", 1))
    lines = b"".join(await exported(running, "unattended"))
    settings = prepare(tmp_path, f"{valkey_url}?db=29")
    async with open_operator(settings, actor="test") as op:
        await op.redis.flushdb()
        queued = []
        with pytest.raises(QueueUnavailable, match="start one and import the file again"):
            async for report in import_events(op, io.BytesIO(lines)):
                queued.append(report.queued)
        assert queued[-1] == 8, "no more than a few jobs wait"
        await op.redis.flushdb()
