"""Job: what one job of the queue asks for, done. Returns only when it is committed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis.asyncio import Redis

from gateway.errors import HookwrightError, NotFound, TriedLater, Unavailable
from gateway.event import Event, Lane, Status
from gateway.judge import Request, judge
from gateway.queue.parcel import Events, Parcel, Replay, Replays, Retake
from gateway.queue.pending import clear_pending
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.store.engine import Store
from gateway.store.events import find_told_keys, load_event, load_request
from gateway.worker.coalesce import Writer


@dataclass(frozen=True, slots=True)
class Jobs:
    store: Store
    redis: Redis
    registry: Registry
    pool: Pool
    writer: Writer

    async def take(self, parcel: Parcel, lane: Lane) -> None:
        match parcel:
            case Events(events):
                await self._apply(events, lane)
            case Retake(event_ids):
                await self.writer.retake(event_ids, lane)
            case Replays(replays):
                await self._apply([event for replay in replays if (event := await self._replay(replay))], lane)

    async def _apply(self, events: Sequence[Event], lane: Lane) -> None:
        if not events:
            return
        await self.writer.apply(events, lane)
        # After the commit: an id is in one of the two at any moment, so it is never 404.
        await clear_pending(self.redis, [event.id for event in events])

    async def _replay(self, replay: Replay) -> Event:
        """Run a stored request again, from `transform`, as a new event of the same delivery.

        A replay that cannot run is kept as failed, with the reason: it changes nothing else.
        """
        with self.store.reading() as conn:
            root = load_event(conn, replay.replay_of)
            stored = load_request(conn, replay.replay_of)
            told_keys = find_told_keys(conn, replay.replay_of)
        if root is None:
            raise NotFound(f"there is no event {replay.replay_of}")
        event = Event(
            id=replay.id,
            root=replay.replay_of,
            source=root["source"],
            received_at=root["received_us"],
            status=Status.FAILED,
            unique_key=told_keys[0] if told_keys else root["unique_key"],
            stage="replay",
        )
        source = self.registry.find(root["source"])
        if stored is None:
            return replace(event, reason="its raw request is gone: retention has removed it")
        if source is None or source.script is None:
            return replace(event, reason=f'source "{event.source}" has no live script, or is removed')
        if not root["is_authenticated"]:
            return replace(event, reason="the request was never found genuine")
        request = Request(replay.id, replay.replay_of, event.received_at, *stored)
        try:
            judged = (await judge(self.pool, source.script, request, start_at="transform")).event
        except Unavailable as error:
            if isinstance(error, TriedLater):
                return replace(event, reason=f"the script asks for another try: {error.detail}")
            raise
        except HookwrightError as error:
            return replace(event, reason=f"the script refuses it: {error.detail}")
        return replace(judged, unique_key=told_keys[0] if told_keys else judged.unique_key)
