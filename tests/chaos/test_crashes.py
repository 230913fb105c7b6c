"""Crashes: any process is killed at any moment under load, and every 202 ends applied, exactly once.

A few seconds on SQLite as a rule; HOOKWRIGHT_TEST_CHAOS_SECONDS=600 goes on for that long, half of it on
PostgreSQL. The seed is printed: HOOKWRIGHT_TEST_CHAOS_SEED takes the same choices again.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from chaos_machine import Machine, machine, until
from chaos_senders import Delivery, Senders, post
from chaos_truth import check
from postgres import Server, name_of
from redis.exceptions import RedisError
from running import PATIENCE_SECONDS

from gateway.errors import HookwrightError
from gateway.operations.events import list_events
from gateway.operations.replay import replay_event

SECONDS = float(os.environ.get("HOOKWRIGHT_TEST_CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("HOOKWRIGHT_TEST_CHAOS_SEED", random.SystemRandom().randrange(2**32)))
IS_LONG = SECONDS > 60
CUT_SECONDS = 20.0 if IS_LONG else 6.0
TORMENTED = ["sqlite", "postgresql"] if IS_LONG else ["sqlite"]

Cut = Callable[[], AbstractContextManager[None]]
Fault = Callable[[Machine, random.Random], Awaitable[None]]


@dataclass(frozen=True)
class Database:
    """What harm can be done to the database of a machine: a while in which nobody can write, and a sudden end."""

    cut: Cut
    hang_up: Callable[[], object] | None = None


def killing(name: str) -> Fault:
    async def kill(running: Machine, chance: random.Random) -> None:
        if process_id := running.programs().get(name):
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)

    return kill


async def kill_a_fork_server(running: Machine, chance: random.Random) -> None:
    _kill_one_of(running.fork_servers(), chance)


async def kill_a_sandbox(running: Machine, chance: random.Random) -> None:
    _kill_one_of(running.sandboxes(), chance)


async def kill_the_queue_when_it_is_full(running: Machine, chance: random.Random) -> None:
    """Kill Valkey while nobody takes anything out: what it has then is only on its disk."""
    if worker := running.programs().get("worker"):
        running.freeze(worker)
        await asyncio.sleep(chance.uniform(0.3, 0.8))
        await killing("valkey")(running, chance)
        running.thaw(worker)


def _kill_one_of(processes: list[int], chance: random.Random) -> None:
    with suppress(IndexError, ProcessLookupError):
        os.kill(chance.choice(processes), signal.SIGKILL)


def freezing(name: str) -> Fault:
    async def freeze(running: Machine, chance: random.Random) -> None:
        if process_id := running.programs().get(name):
            running.freeze(process_id)
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            running.thaw(process_id)

    return freeze


def cutting_off(database: Database) -> Fault:
    async def cut_off(running: Machine, chance: random.Random) -> None:
        with database.cut():
            await asyncio.sleep(chance.uniform(0.2, 2))

    return cut_off


def hanging_up(hang_up: Callable[[], object]) -> Fault:
    async def end_all_connections(running: Machine, chance: random.Random) -> None:
        await asyncio.to_thread(hang_up)

    return end_all_connections


def faults_of(database: Database) -> list[Fault]:
    return [cutting_off(database), *([hanging_up(database.hang_up)] * 2 if database.hang_up else [])]


async def replay_something(running: Machine, chance: random.Random) -> None:
    # What cannot be read or queued at this moment is not replayed.
    with suppress(HookwrightError, RedisError):
        applied = await list_events(running.op, status="applied")  # none yet, where the first of all faults comes early
        for event in chance.choices(applied, k=20) if applied else []:
            await replay_event(running.op, event["id"])


FAULTS: list[Fault] = [
    *(killing(name) for name in ("gateway", "worker", "worker", "console")),
    *(freezing(name) for name in ("gateway", "worker", "valkey")),
    kill_the_queue_when_it_is_full,
    *(kill_a_fork_server, kill_a_sandbox, replay_something, replay_something),
]


async def torment(running: Machine, database: Database, chance: random.Random, seconds: float) -> None:
    """Do every kind of harm, in any order, again and again until the time is over."""
    loop = asyncio.get_running_loop()
    stop_at, faults = loop.time() + seconds, FAULTS + faults_of(database)
    while True:
        for fault in chance.sample(faults, len(faults)):
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            await fault(running, chance)
            if loop.time() > stop_at:
                return


@pytest.mark.parametrize("kind", TORMENTED)
async def test_whatever_dies_under_load_every_202_is_applied_exactly_once(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    print(f"HOOKWRIGHT_TEST_CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    async with machine_on(kind, tmp_path, request) as (running, database):
        senders = Senders(running.url, random.Random(chance.random()))
        sending = asyncio.create_task(senders.run(6))
        await torment(running, database, chance, SECONDS / len(TORMENTED))
        senders.is_over = True
        await sending
        await until(running.is_drained, "the queue is empty")
        assert await running.end() == 0, running.said
        check(running.op.store, senders.deliveries, senders.forged, tmp_path)
        assert "was killed by SIGKILL; it is started again in" in running.said


@asynccontextmanager
async def machine_on(
    kind: str, folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Machine, Database]]:
    """Run a machine on a database of this kind; gives what can be done to that."""
    if kind == "sqlite":
        async with machine(folder) as running:
            yield running, Database(running.locked_database)
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as url:
        ending = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'"
        async with machine(folder, database_url=url) as running:
            yield running, Database(server.frozen, lambda: server.execute(ending))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_while_the_database_is_cut_off_senders_are_answered_and_then_all_is_applied(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    async with machine_on(kind, tmp_path, request) as (running, database):
        senders = Senders(running.url, random.Random(SEED))
        with database.cut():
            sending = asyncio.create_task(senders.run(4))
            await asyncio.sleep(CUT_SECONDS)
            senders.is_over = True
            await sending
        heard = {status for delivery in senders.deliveries for status, _ in delivery.heard}
        assert heard == {202}
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, senders.deliveries, senders.forged, tmp_path)


async def test_a_full_queue_refuses_keeps_none_of_it_and_takes_again_when_it_is_empty(tmp_path: Path) -> None:
    async with machine(tmp_path, queue_events_max=40) as running, httpx.AsyncClient() as http:
        senders = Senders(running.url, random.Random(SEED))
        worker = running.programs()["worker"]
        running.freeze(worker)

        async def is_refused() -> bool:
            senders.deliveries.append(delivery := senders.make(len(senders.deliveries)))
            return await post(http, running.url, delivery) == 503

        await until(is_refused, "the queue is full")
        refused = [senders.make(number) for number in range(10_000, 10_020)]
        assert {await post(http, running.url, delivery) for delivery in refused} == {503}
        running.thaw(worker)
        await until(running.is_drained, "the queue is empty")

        senders.deliveries.append(last := senders.make(len(senders.deliveries)))
        await until(lambda: _is_taken(http, running, last), "there is room again")
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, senders.deliveries, refused, tmp_path)


async def test_a_frozen_queue_is_said_to_senders_in_time_and_taken_up_when_it_thaws(tmp_path: Path) -> None:
    async with machine(tmp_path, enqueue_seconds=1) as running, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        senders = Senders(running.url, random.Random(SEED))
        senders.deliveries = [senders.make(number) for number in range(30)]
        first, during, after = senders.deliveries[:10], senders.deliveries[10:20], senders.deliveries[20:]
        assert {await post(http, running.url, delivery) for delivery in first} == {202}
        valkey = running.programs()["valkey"]
        running.freeze(valkey)
        assert set(await asyncio.gather(*(post(http, running.url, delivery) for delivery in during))) == {503}
        running.thaw(valkey)
        # What was frozen on its way counts once, whether it arrived or not; told again, it is taken.
        for delivery in [*during, *after]:
            await until(lambda delivery=delivery: _is_taken(http, running, delivery), "the queue is back")
        await until(running.is_drained, "the queue is empty")
        check(running.op.store, senders.deliveries, [], tmp_path)


async def _is_taken(http: httpx.AsyncClient, running: Machine, delivery: Delivery) -> bool:
    return await post(http, running.url, delivery) == 202
