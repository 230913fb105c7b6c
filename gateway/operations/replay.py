"""Replay: take an event again from its raw request, with the live script, as a new event.

Only enqueues; the worker runs it, from `transform`, on the bulk lane. Many at once are a bulk job: see `bulk`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.ids import mint_event_id
from gateway.operations.operator import Operator
from gateway.queue.parcel import Replay
from gateway.queue.retake import enqueue_replays
from gateway.store.audit import write_audit
from gateway.store.events import load_event as read_event


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which events: by source, by status, received since a time (microseconds). None: all."""

    source: str | None = None
    status: str | None = None
    since: int | None = None


async def replay_event(op: Operator, event_id: str) -> str:
    """Queue one replay and give its id. Raises NotFound, or Conflict for an event that no script made."""
    event = await op.read(lambda conn: read_event(conn, event_id))
    if event is None:
        raise NotFound(
            f"there is no stored event {event_id}; one that is still queued can be replayed once it is applied"
        )
    if event["key_id"] is not None:
        raise Conflict(
            f"event {event_id} was posted to the action API: there is no script to run it again; post it again"
        )
    replay = Replay(mint_event_id(), event["root"])
    await _queue(op, [replay], {"event_id": event_id})
    return replay.id


async def _queue(op: Operator, replays: Sequence[Replay], told: dict[str, str | None]) -> None:
    await enqueue_replays(op.redis, replays)
    await op.write(
        lambda conn: write_audit(
            conn,
            at=clock.now(),
            actor=op.actor,
            operation="event.replay",
            subject=replays[0].replay_of,
            after={**told, "count": len(replays)},
        )
    )
