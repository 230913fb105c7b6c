"""Desk of jobs: a writer on a real database, with what the tests ask it and do to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from redis.asyncio import Redis
from running import PATIENCE_SECONDS
from sqlalchemy import event as sqlalchemy_event

from gateway.event import Event, Lane, Status
from gateway.ids import mint_event_id
from gateway.queue.connect import open_redis
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.seal import Sealer
from gateway.store.contacts import find_contact
from gateway.store.engine import Store, open_store
from gateway.store.events import load_event
from gateway.worker.apply import ApplySettings
from gateway.worker.coalesce import Writer
from gateway.worker.job import Jobs


@dataclass
class Desk:
    store: Store
    redis: Redis
    writer: Writer
    jobs: Jobs
    woken: list[str] = field(default_factory=list)

    def event(self, event_id: str) -> dict[str, Any] | None:
        with self.store.reading() as connection:
            return load_event(connection, event_id)

    def status(self, event: Event) -> str | None:
        found = self.event(event.id)
        return None if found is None else str(found["status"])

    def contact(self, email: str) -> dict[str, Any] | None:
        with self.store.reading() as connection:
            return find_contact(connection, "email", email)

    def execute(self, statement: str) -> None:
        with self.store.writing() as connection:
            connection.exec_driver_sql(statement)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database as another program would that writes for long."""
        other = open_store(self.store.engine.url.render_as_string(hide_password=False))
        try:
            with other.writing():
                yield
        finally:
            other.close()

    def poison(self, event_id: str, *, is_parkable: bool = True, on: str = "INSERT") -> None:
        """Make the database refuse one event, as a defect of ours would: the same error every time.

        On UPDATE it is let in, to be held or to wait, and refused when it is taken again.
        """
        unless = " AND NEW.status <> 'failed'" if is_parkable else ""
        when = f"BEFORE {on} ON events FOR EACH ROW WHEN (NEW.id = '{event_id}'{unless})"
        if self.store.engine.dialect.name == "sqlite":
            self.execute(f"CREATE TRIGGER poison {when} BEGIN SELECT RAISE(ABORT, 'poison'); END")
            return
        self.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'poison' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        self.execute(f"CREATE TRIGGER poison {when} EXECUTE FUNCTION refuse()")

    def cure(self) -> None:
        self.execute("DROP TRIGGER poison" + ("" if self.store.engine.dialect.name == "sqlite" else " ON events"))

    @contextmanager
    def counting_commits(self) -> Iterator[list[int]]:
        """Count transactions that wrote, as the database sees them."""
        commits: list[int] = []

        def note(connection: Any) -> None:
            if connection.get_execution_options().get("is_writing"):
                commits.append(1)

        sqlalchemy_event.listen(self.store.engine, "commit", note)
        try:
            yield commits
        finally:
            sqlalchemy_event.remove(self.store.engine, "commit", note)


@asynccontextmanager
async def open_desk(store: Store, redis_url: str) -> AsyncIterator[Desk]:
    redis = open_redis(redis_url)
    await redis.flushdb()
    woken: list[str] = []

    async def wake(event_ids: Sequence[str]) -> None:
        woken.extend(event_ids)

    writer = Writer(store, ApplySettings(), wake)
    registry = Registry(store, redis, Sealer(["k" * 32]), None, None)
    await writer.start()
    try:
        yield Desk(store, redis, writer, Jobs(store, redis, registry, Pool(), writer), woken)
    finally:
        await writer.close()
        await redis.aclose(close_connection_pool=True)


def visit(email: str, **values: Any) -> Event:
    """Make an event of one activity: applied twice it would be there twice."""
    action = {
        "action": "createContactactivities",
        "contact": {"identifiers": {"email": email}, "canBeCreated": True},
        "contactActivities": [{"name": "visit", "time": "2026-01-01T00:00:00Z"}],
    }
    return make_event(action, **values)


def make_event(*actions: dict[str, Any], **values: Any) -> Event:
    event_id = mint_event_id()
    received_at = time.time_ns() // 1000
    return Event(event_id, event_id, "shop", received_at, Status.QUEUED, orjson.dumps(actions), **values)


async def until(is_so: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (answer := is_so()):
        assert time.monotonic() < give_up_at, "it did not come to pass"
        await asyncio.sleep(0.01)
    return answer


def start(desk: Desk, *events: Event, lane: Lane = Lane.LIVE) -> "asyncio.Task[None]":
    return asyncio.create_task(desk.writer.apply(events, lane))
