"""Raw requests, logs, traces and notes go when they are old or too much; what became of the event stays."""

import random
import time
from dataclasses import replace
from typing import Any

import orjson
from desk_of_jobs import Desk, visit
from ulid import ULID

from gateway.event import Event, Lane, Status
from gateway.queue.parcel import Replay, Replays
from gateway.queue.turn import take_turn
from gateway.store.requests import load_request, read_request_bytes
from gateway.store.retention import DAY
from gateway.store.tables import requests
from gateway.worker import retention
from gateway.worker.retention import Retention

# What zstd makes no shorter, so that a test knows how much is stored.
NOISE = random.Random(1).randbytes(1024)


def aged(days: float, email: str = "old@example.com", **fields: Any) -> Event:
    """Make an event that came in so many days ago: its id says so too."""
    received_at = int(time.time() * 1_000_000 - days * DAY)
    event_id = f"evt_{ULID.from_bytes((received_at // 1000).to_bytes(6, 'big') + ULID().bytes[6:])}"
    values = {"id": event_id, "root": event_id, "received_at": received_at, "body": NOISE, "logs": "line", **fields}
    return replace(visit(email), **values)


def add_source(desk: Desk, name: str, days: int | None) -> None:
    own = "NULL" if days is None else str(days)
    desk.execute(f"INSERT INTO sources (name, retention_days, created_at, changed_at) VALUES ('{name}', {own}, 0, 0)")


def request(desk: Desk, event: Event) -> tuple[bytes, bytes] | None:
    with desk.store.reading() as connection:
        return load_request(connection, event.id)


def stored_bytes(desk: Desk) -> int:
    with desk.store.reading() as connection:
        return read_request_bytes(connection)


async def prune(desk: Desk, *, days: int = 30, bytes_max: int = 0) -> int:
    return await Retention(desk.store, desk.redis, days, bytes_max).once()


async def test_what_is_past_its_days_is_pruned_and_says_so(desk: Desk) -> None:
    trace = orjson.dumps([{"line": 1, "text": "boom()"}]).decode()
    old = aged(31, head=b'{"method":"POST"}')
    broken = aged(31, status=Status.FAILED, stage="transform", reason="it broke", trace=trace)
    young = aged(29, "young@example.com")
    await desk.writer.apply([old, broken, young], Lane.LIVE)
    assert await prune(desk) == 2
    assert (request(desk, old), request(desk, young)) == (None, (b"{}", NOISE))
    event, failed, kept = (desk.event(one.id) or {} for one in (old, broken, young))
    assert (event["status"], event["root"], event["logs"], len(event["actions"])) == ("applied", old.id, "", 1)
    assert event["pruned_at"] is not None
    assert (failed["reason"], failed["trace"]) == ("it broke", None)
    assert (kept["logs"], kept["pruned_at"]) == ("line", None)
    assert (desk.contact("old@example.com") or {})["activities"], "effects stay"
    assert await prune(desk) == 0


async def test_a_source_may_keep_longer_or_shorter_than_the_rest(desk: Desk) -> None:
    for name, days in (("short", 1), ("long", 365), ("shop", None)):
        add_source(desk, name, days)
    events = {
        (name, age): aged(age, f"{name}{age}@example.com", source=name)
        for name in ("short", "long", "shop", "api")
        for age in (2, 40)
    }
    await desk.writer.apply(list(events.values()), Lane.LIVE)
    await prune(desk)
    left = {which for which, event in events.items() if request(desk, event)}
    assert left == {("long", 2), ("long", 40), ("shop", 2), ("api", 2)}


async def test_what_is_held_or_waits_keeps_all_it_needs(desk: Desk) -> None:
    desk.execute("INSERT INTO sources (name, state, created_at, changed_at) VALUES ('shop', 'paused', 0, 0)")
    held = aged(90)
    await desk.writer.apply([held], Lane.LIVE)
    assert (desk.status(held), await prune(desk, bytes_max=1)) == ("held", 0)
    assert request(desk, held) is not None


async def test_past_the_limit_of_bytes_the_oldest_go_first_and_no_more_than_must(desk: Desk) -> None:
    events = [aged(age, f"n{age}@example.com") for age in (5, 4, 3, 2, 1)]
    await desk.writer.apply(list(reversed(events)), Lane.LIVE)
    each = stored_bytes(desk) // 5
    assert await prune(desk, bytes_max=0) == 0, "no limit"
    assert await prune(desk, bytes_max=3 * each) == 2
    assert [request(desk, event) is None for event in events] == [True, True, False, False, False]
    assert stored_bytes(desk) == 3 * each
    assert (desk.event(events[0].id) or {})["pruned_at"] is not None


async def test_many_are_pruned_in_small_transactions(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "STEP_EVENTS_MAX", 10)
    monkeypatch.setattr(retention, "BREATH_SECONDS", 0.0)
    await desk.writer.apply([aged(31, f"n{number}@example.com") for number in range(25)], Lane.LIVE)
    with desk.counting_commits() as commits:
        assert await prune(desk) == 25
    assert len(commits) == 4, "10, 10, 5 and a look that finds nothing"


async def test_one_worker_at_a_time_prunes(desk: Desk) -> None:
    await desk.writer.apply([aged(31)], Lane.LIVE)
    async with take_turn(desk.redis, "retention", seconds=30):
        assert await prune(desk) == 0
    assert await prune(desk) == 1


async def test_a_turn_that_went_to_another_worker_ends_at_the_next_step(desk: Desk) -> None:
    async with take_turn(desk.redis, "test", seconds=30) as turn:
        assert turn.is_ours
        await turn.extend()
        assert turn.is_ours
        await desk.redis.set(turn.key, "another")
        await turn.extend()
        assert not turn.is_ours
    assert await desk.redis.get("hookwright:turn:test") == b"another", "it is not ours to end"


async def test_a_pruned_event_is_replayed_as_failed_with_the_reason(desk: Desk) -> None:
    old = aged(31)
    await desk.writer.apply([old], Lane.LIVE)
    await prune(desk)
    replay = replace(old, id=aged(0).id)
    await desk.jobs.take(Replays((Replay(replay.id, old.id),)), Lane.BULK)
    found = desk.event(replay.id) or {}
    assert (found["status"], found["reason"]) == ("failed", "its raw request is gone: retention has removed it")
    assert desk.status(old) == "applied"


async def test_what_compresses_lies_compressed_and_comes_back_as_it_was(desk: Desk) -> None:
    event = aged(0, head=b'{"a": 1}', body=b'{"item": "thing"}' * 1000)
    empty = aged(0, "empty@example.com", head=b"{}" * 500, body=b"")
    await desk.writer.apply([event, empty], Lane.LIVE)
    assert request(desk, event) == (event.head, event.body)
    assert request(desk, empty) == (empty.head, b"")
    assert 0 < stored_bytes(desk) < len(event.body) // 10


async def test_a_request_that_was_stored_before_there_was_compression_is_still_read(desk: Desk) -> None:
    event = aged(0)
    await desk.writer.apply([event], Lane.LIVE)
    with desk.store.writing() as connection:
        as_it_came = {"encoding": None, "head_blob": b"{}", "body_blob": b"as it came" * 100}
        connection.execute(requests.update().values(as_it_came))
    assert request(desk, event) == (b"{}", b"as it came" * 100)
