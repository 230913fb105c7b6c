"""Whose turn it is: a transaction takes what is soon written, and fairly of all who wait."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from desk_of_jobs import Desk, start, visit

from gateway.event import WEIGHT_AT_ONCE_MAX, Event, Lane
from gateway.queue.parcel import Events, Retake
from gateway.worker import coalesce
from gateway.worker.turns import Turns, Work

FEW = 12  # two visits, of which each weighs five


def visits(source: str, count: int) -> list[Event]:
    return [replace(visit(f"{source}-{number}@example.com"), source=source) for number in range(count)]


def make_work(source: str, weight: int) -> Work:
    event = replace(visit("a@example.com"), source=source, actions=b"{" * (weight - 1))
    return Work(Lane.LIVE, source, [event], (), asyncio.get_running_loop().create_future())


def order_of(turns: Turns) -> list[str]:
    order = []
    while turns:
        following = turns.next
        assert turns.take() is following
        order.append(following.source)
    return order


async def test_sources_take_turns_by_what_they_have_had() -> None:
    turns = Turns()
    for source, weight in (("a", 10), ("a", 10), ("a", 10), ("b", 20), ("b", 20), ("c", 5), ("c", 5), ("c", 5)):
        turns.add(make_work(source, weight))
    assert order_of(turns) == ["a", "b", "c", "c", "a", "c", "a", "b"]


async def test_who_comes_while_a_flood_is_being_written_is_next() -> None:
    turns = Turns()
    for _ in range(10):
        turns.add(make_work("flood", 100))
    assert [turns.take().source for _ in range(3)] == ["flood"] * 3
    turns.add(make_work("calm", 1))
    assert order_of(turns) == ["calm", *["flood"] * 7]


async def test_work_that_is_taken_back_is_nobody_s_turn() -> None:
    turns, works = Turns(), [make_work("a", weight) for weight in (3, 2, 4)]
    for work in works:
        turns.add(work)
    assert turns.remove(works[1])
    assert not turns.remove(works[1])
    assert [turns.take(), turns.take()] == [works[0], works[2]]
    assert not turns


async def test_a_neighbour_s_event_is_committed_before_the_rest_of_a_flood(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalesce, "WEIGHT_AT_ONCE_MAX", FEW)
    order: list[str] = []

    async def apply(event: Event) -> None:
        await desk.writer.apply([event], Lane.LIVE)
        order.append(event.source)

    with desk.locked():
        tasks = [asyncio.create_task(apply(event)) for event in visits("flood", 20)]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(apply(event)) for event in visits("calm", 1)]
        await asyncio.sleep(0.05)
    await asyncio.gather(*tasks)
    assert order.index("calm") < 5, "the transaction at work, and the next one"


async def test_a_job_of_several_sources_is_torn_by_source(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "WEIGHT_AT_ONCE_MAX", FEW)
    seen: list[Sequence[str]] = []
    whole = coalesce.apply_batch

    def note(store: object, events: Sequence[Event], **keywords: object) -> object:
        seen.append([event.source for event in events])
        return whole(store, events, **keywords)

    monkeypatch.setattr(coalesce, "apply_batch", note)
    events = (*visits("flood", 3), *visits("calm", 1))
    await desk.jobs.take(Events(events), Lane.LIVE)
    assert {desk.status(event) for event in events} == {"applied"}
    assert seen == [["flood"] * 3, ["calm"]]


async def test_a_transaction_takes_no_more_than_is_soon_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "WEIGHT_AT_ONCE_MAX", FEW)
    with desk.counting_commits() as commits:
        with desk.locked():
            head = start(desk, *visits("head", 1))
            await asyncio.sleep(0.05)
            rest = [start(desk, event) for event in visits("flood", 10)]
            await asyncio.sleep(0.05)
        await asyncio.gather(head, *rest)
    assert len(commits) == 1 + 5


async def test_a_job_that_is_too_heavy_is_torn_and_all_of_it_is_applied(desk: Desk) -> None:
    action = b'[{"action":"upsertContact","identifiers":{"email":"%d@example.com"},"attributes":{"note":"%b"}}]'
    padding = b"{" * (WEIGHT_AT_ONCE_MAX // 2)
    events = [replace(event, actions=action % (n, padding)) for n, event in enumerate(visits("flood", 5))]
    with desk.counting_commits() as commits:
        await desk.writer.apply(events, Lane.LIVE)
    assert {desk.status(event) for event in events} == {"applied"}
    assert len(commits) == 5


async def test_what_is_stored_is_taken_again_by_source_and_weight_too(desk: Desk) -> None:
    action = b'[{"action":"upsertContact","identifiers":{"email":"%d@example.com"},"attributes":{"note":"%b"}}]'
    padding = b"{" * (WEIGHT_AT_ONCE_MAX // 2)
    heavy = [replace(event, actions=action % (n, padding)) for n, event in enumerate(visits("heavy", 3))]
    events = [*heavy, *visits("light", 5)]
    for source in ("heavy", "light"):
        desk.execute(f"INSERT INTO sources (name, state, created_at, changed_at) VALUES ('{source}', 'paused', 0, 0)")
    await desk.writer.apply(events, Lane.LIVE)
    assert {desk.status(event) for event in events} == {"held"}
    desk.execute("UPDATE sources SET state = 'live'")
    with desk.counting_commits() as commits:
        await desk.jobs.take(Retake(("evt_unknown", *(event.id for event in events))), Lane.BULK)
    assert {desk.status(event) for event in events} == {"applied"}
    assert len(commits) == 3, "each of the heavy ones alone, and the light ones beside one of them"


async def test_a_caller_that_stops_waiting_takes_all_its_pieces_back(desk: Desk) -> None:
    events = [*visits("one", 2), *visits("two", 2)]
    with desk.locked():
        at_work = start(desk, *visits("head", 1))
        await asyncio.sleep(0.05)
        waiting = start(desk, *events)
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await at_work
    assert {desk.status(event) for event in events} == {None}


async def test_a_piece_that_cannot_be_written_lets_the_others_through_before_the_job_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalesce, "WEIGHT_AT_ONCE_MAX", 1)  # each piece has a transaction of its own
    bad, good = visits("bad", 1), visits("good", 1)
    desk.poison(bad[0].id, is_parkable=False)
    with pytest.raises(Exception, match="poison"):
        await desk.writer.apply([*bad, *good], Lane.LIVE)
    assert (desk.status(bad[0]), desk.status(good[0])) == (None, "applied")
