"""Job: what one job of the queue asks for, done. Returns only when it is committed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from gateway.errors import NotFound
from gateway.event import Event, Lane
from gateway.logs import log
from gateway.queue.parcel import Erase, Events, Parcel, Replay, Replays, Retake
from gateway.queue.pending import by_source, clear_pending
from gateway.queue.retake import enqueue_erase, enqueue_retake
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.store.engine import Store
from gateway.worker import replays as again
from gateway.worker.coalesce import Writer
from gateway.worker.erase import erase_step


@dataclass(frozen=True, slots=True)
class Jobs:
    store: Store
    redis: Redis
    registry: Registry
    pool: Pool
    writer: Writer
    # Replay jobs take turns with the sandbox; while one waits for the writer the next one runs its scripts.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, parcel: Parcel, lane: Lane) -> None:
        match parcel:
            case Events(events):
                await self._apply(events, lane)
            case Retake(event_ids):
                await self.writer.retake(event_ids, lane)
            case Replays(replays):
                # Piece by piece: what is done stays done when the job is put back.
                for start in range(0, len(replays), again.AT_ONCE):
                    await self._replay(replays[start : start + again.AT_ONCE], lane)
            case Erase():
                await self._erase(parcel)

    async def _apply(self, events: Sequence[Event], lane: Lane) -> None:
        if not events:
            return
        await self.writer.apply(events, lane)
        # After the commit: an id is in one of the two at any moment, so it is never 404.
        event_ids = [event.id for event in events]
        await clear_pending(self.redis, event_ids, by_source((event.id, event.source) for event in events))

    async def _replay(self, replays: Sequence[Replay], lane: Lane) -> None:
        """Apply what can be run. Raises what kept the others: they are for another try."""
        async with self._turn:
            outcomes = await again.Replayer(self.store, self.registry, self.pool).run(replays)
        await self._apply([outcome for outcome in outcomes if isinstance(outcome, Event)], lane)
        for outcome in outcomes:
            if isinstance(outcome, NotFound):  # nothing is left to try
                log.warning("replay_of_nothing", why=outcome.detail)
            elif isinstance(outcome, BaseException):
                raise outcome
        # Also those of an earlier try that did not come to this line. They count in no source's queue.
        await clear_pending(self.redis, [replay.id for replay in replays])

    async def _erase(self, erase: Erase) -> None:
        """Do one step, then ask for the next one: a step that is done twice does no harm."""
        step = await asyncio.to_thread(erase_step, self.store, erase)
        await enqueue_retake(self.redis, step.retaken)
        if step.following is not None:
            await enqueue_erase(self.redis, step.following)
