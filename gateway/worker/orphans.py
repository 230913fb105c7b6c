"""Orphans: events that were answered and whose job the queue has lost are parked, and people are told.

Once a minute. First come jobs that have only lost their place: they are put back. Where a job is gone, what its
events said is gone with it; that they came is not: they are stored as failed, with the reason, so that the sender
can be asked to send them again. An id that is stored already only loses its note.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from ulid import ULID

from gateway.errors import HookwrightError
from gateway.event import Event, Lane, Status
from gateway.logs import log
from gateway.queue.orphans import Orphans
from gateway.queue.pending import by_source, clear_pending
from gateway.queue.strays import put_back_strays
from gateway.worker.coalesce import Writer
from gateway.worker.observe import Observer

EVERY_SECONDS = 60.0
NAMED_MAX = 20
REASON = "the queue has lost its job, and with it what was sent: ask the sender to send it again"


@dataclass(frozen=True, slots=True)
class Orphanage:
    redis: Redis
    writer: Writer
    observer: Observer = field(default_factory=Observer)

    async def run(self) -> None:
        orphans = Orphans(self.redis)
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.once(orphans)
            except (HookwrightError, RedisError, OSError) as error:
                log.warning("orphans_not_looked_for", why=str(error)[:200])

    async def once(self, orphans: Orphans) -> None:
        """Put back what can be; only then is anything lost."""
        if put_back := await put_back_strays(self.redis):
            self.observer.took_again("job_lost_its_place", len(put_back))
            log.error("jobs_put_back_that_arq_lost", count=len(put_back), ids=put_back[:NAMED_MAX])
            return
        await self.take_in(await orphans.look())

    async def take_in(self, notes: Mapping[str, Mapping[str, Any]]) -> None:
        """Park the events of these ids. A replay, whose note names no source, is forgotten: people can ask again."""
        if not notes:
            return
        log.error("events_lost_by_the_queue", count=len(notes), ids=sorted(notes)[:NAMED_MAX])
        parked = [
            _parked(event_id, note["source"], note.get("key_id")) for event_id, note in notes.items() if note["source"]
        ]
        if parked:
            await self.writer.apply(parked, Lane.BULK)
        await clear_pending(self.redis, list(notes), by_source((event.id, event.source) for event in parked))


def _parked(event_id: str, source: str, key_id: str | None) -> Event:
    received_at = int(ULID.from_str(event_id.removeprefix("evt_")).milliseconds) * 1000
    return Event(event_id, event_id, source, received_at, Status.FAILED, stage="queue", reason=REASON, key_id=key_id)
