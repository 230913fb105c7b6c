"""Replay: take events again from their raw requests, with the live script, as new events.

Only enqueues; the worker runs them, from `transform`, on the bulk lane. A filter selects deliveries:
one replay each, of the event that counts, else of its first.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.ids import mint_event_id
from gateway.operations.events import check_status
from gateway.operations.operator import Operator
from gateway.queue.parcel import Replay
from gateway.queue.retake import enqueue_replays
from gateway.store.audit import write_audit
from gateway.store.events import count_deliveries, list_deliveries
from gateway.store.events import load_event as read_event

REPLAYS_AT_ONCE = 256


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


async def count_replay(op: Operator, chosen: ReplayFilter) -> int:
    """Say how many deliveries the filter selects, before anything is done."""
    check_status(chosen.status)
    return await op.read(
        lambda conn: count_deliveries(conn, source=chosen.source, status=chosen.status, since=chosen.since)
    )


async def replay_many(op: Operator, chosen: ReplayFilter) -> AsyncIterator[int]:
    """Queue a replay of each delivery that the filter selects, oldest first; yields how many are queued so far."""
    check_status(chosen.status)
    until, queued, after = mint_event_id(), 0, ""
    while True:
        roots = await op.read(
            lambda conn, after=after: list_deliveries(  # type: ignore[misc]
                conn,
                source=chosen.source,
                status=chosen.status,
                since=chosen.since,
                after=after,
                until=until,
                limit=REPLAYS_AT_ONCE,
            )
        )
        if not roots:
            return
        await _queue(
            op, [Replay(mint_event_id(), root) for root in roots], {"source": chosen.source, "status": chosen.status}
        )
        queued, after = queued + len(roots), roots[-1]
        yield queued


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
