"""Discard: let events that failed, wait or are held never be applied, with a reason.

Takes one event or a filter. Nothing is deleted: the event is `discarded`, says why, and can be replayed, which
makes a new event of its request. What is applied is not discarded here: it has effects.
"""

from collections.abc import AsyncIterator

from gateway import clock
from gateway.errors import Conflict, NotFound, OperatorError
from gateway.ids import mint_event_id
from gateway.operations.operator import Operator
from gateway.operations.replay import ReplayFilter as EventFilter
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.events import load_event as read_event
from gateway.store.pending import DISCARDABLE, count_discardable, discard, list_discardable

# A transaction of them holds up nobody for long.
DISCARDED_AT_ONCE = 500
REASON_CHARACTERS_MAX = 500
_LIST = ", ".join(DISCARDABLE)


async def discard_event(op: Operator, event_id: str, reason: str) -> None:
    """Raises NotFound, OperatorError without a reason, Conflict for an event that has another status."""
    reason = checked_reason(reason)

    def work(conn: Connection) -> None:
        event = read_event(conn, event_id)
        if event is None:
            raise NotFound(f"there is no stored event {event_id}; one that is still queued cannot be discarded yet")
        if not discard(conn, [event_id], reason):
            raise Conflict(f"event {event_id} is {event['status']}: only what is {_LIST} can be discarded")
        write_audit(
            conn,
            at=clock.now(),
            actor=op.actor,
            operation="event.discard",
            subject=event_id,
            before={"status": event["status"], "reason": event["reason"]},
            after={"reason": reason},
        )

    await op.write(work)


async def count_discard(op: Operator, chosen: EventFilter) -> int:
    """Say how many events the filter selects, before anything is done."""
    _check(chosen)
    return await op.read(
        lambda conn: count_discardable(conn, source=chosen.source, status=chosen.status, since=chosen.since)
    )


async def discard_many(op: Operator, chosen: EventFilter, reason: str) -> AsyncIterator[int]:
    """Discard what the filter selects, oldest first; yields how many are done so far."""
    _check(chosen)
    reason, until, after, done = checked_reason(reason), mint_event_id(), "", 0
    while True:

        def work(conn: Connection, after: str = after) -> tuple[int, str]:
            found = list_discardable(
                conn,
                source=chosen.source,
                status=chosen.status,
                since=chosen.since,
                after=after,
                until=until,
                limit=DISCARDED_AT_ONCE,
            )
            many = discard(conn, found, reason)
            if many:
                _audit_many(conn, op.actor, chosen, many, reason)
            return many, found[-1] if found else ""

        many, after = await op.write(work)
        if not after:
            return
        done += many
        yield done


def _audit_many(conn: Connection, actor: str, chosen: EventFilter, many: int, reason: str) -> None:
    told = {"status": chosen.status, "count": many, "reason": reason}
    write_audit(
        conn,
        at=clock.now(),
        actor=actor,
        operation="event.discard",
        subject=chosen.source or "every source",
        after=told,
    )


def _check(chosen: EventFilter) -> None:
    if chosen.status is not None and chosen.status not in DISCARDABLE:
        raise OperatorError(f'what is "{chosen.status}" cannot be discarded, only what is {_LIST}')


def checked_reason(reason: str) -> str:
    """Give a reason without blanks around it. Raises OperatorError for none, or an endless one."""
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise OperatorError(f"say why, in 1 to {REASON_CHARACTERS_MAX} characters: somebody will want to know")
    return reason
