"""Replays: stored requests run again, from `transform`, with the live script.

Takes replays, gives for each the new event of the same delivery, or why there is none yet. A replay that
cannot run is an event too: failed, with the reason; it changes nothing else. Reads the database in a thread
and runs a few scripts at a time: live events share this loop.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import HookwrightError, NotFound, TriedLater, Unavailable
from gateway.event import Event, Status
from gateway.judge import Request, judge
from gateway.queue.parcel import Replay
from gateway.registry import Registry
from gateway.sandbox.pool import Pool
from gateway.store.engine import Store
from gateway.store.events import find_told_keys, load_event
from gateway.store.requests import load_request
from gateway.store.rulings import find_known

# Of large bodies that is what is in memory at once; of slow scripts well less than a job may take.
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is known of the request of a replay."""

    replay: Replay
    root: dict[str, Any] | None
    raw: tuple[bytes, bytes] | None
    told_keys: list[str | None]


@dataclass(frozen=True, slots=True)
class Replayer:
    store: Store
    registry: Registry
    pool: Pool

    async def run(self, replays: Sequence[Replay]) -> list[Event | BaseException]:
        """Run up to AT_ONCE replays; those that are stored already are left out."""
        known = await asyncio.to_thread(self._load, replays)
        return await asyncio.gather(*map(self._run_one, known), return_exceptions=True)

    def _load(self, replays: Sequence[Replay]) -> list[_Stored]:
        with self.store.reading() as conn:
            done = find_known(conn, [replay.id for replay in replays])
            return [
                _Stored(
                    replay,
                    load_event(conn, replay.replay_of),
                    load_request(conn, replay.replay_of),
                    find_told_keys(conn, replay.replay_of),
                )
                for replay in replays
                if replay.id not in done
            ]

    async def _run_one(self, stored: _Stored) -> Event:
        """Raises Unavailable where the sandbox cannot run it now, NotFound where its request was erased."""
        replay, root = stored.replay, stored.root
        if root is None:
            raise NotFound(f"there is no event {replay.replay_of} any more: {replay.id} replays nothing")
        event = Event(
            id=replay.id,
            root=replay.replay_of,
            source=root["source"],
            received_at=root["received_us"],
            status=Status.FAILED,
            unique_key=stored.told_keys[0] if stored.told_keys else root["unique_key"],
            stage="replay",
            bulk_id=replay.bulk_id,
        )
        source = self.registry.find(root["source"])
        if stored.raw is None:
            why = "it went with a person" if root["erased_at"] else "retention has removed it"
            return replace(event, reason=f"its raw request is gone: {why}")
        if source is None or source.script is None:
            return replace(event, reason=f'source "{event.source}" has no live script, or is removed')
        if not root["is_authenticated"]:
            return replace(event, reason="the request was never found genuine")
        request = Request(replay.id, replay.replay_of, event.received_at, *stored.raw)
        try:
            judged = (await judge(self.pool, source.script, request, start_at="transform")).event
        except TriedLater as error:
            return replace(event, reason=f"the script asks for another try: {error.detail}")
        except Unavailable:
            raise
        except HookwrightError as error:
            return replace(event, reason=f"the script refuses it: {error.detail}")
        unique_key = stored.told_keys[0] if stored.told_keys else judged.unique_key
        return replace(judged, unique_key=unique_key, bulk_id=replay.bulk_id)
