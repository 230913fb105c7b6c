"""Queue: what waits, in which lane, how long, who works, and the switch that holds all workers.

Nothing here can lose an event: a held worker leaves its jobs where they are.
"""

from typing import Any

from gateway import clock
from gateway.errors import Conflict, NotFound
from gateway.event import Lane, Status
from gateway.operations.operator import Operator
from gateway.queue import pause
from gateway.queue.connect import read_durability
from gateway.queue.inspection import read_queue
from gateway.queue.jobs import find_job
from gateway.queue.jobs import list_jobs as read_jobs
from gateway.store.audit import write_audit
from gateway.store.events import count_by_source

JOBS_SHOWN = 100


async def queue_status(op: Operator) -> dict[str, Any]:
    """Describe the lanes, the events not committed yet, the workers, who holds them, and what Redis promises."""
    durability = await read_durability(op.redis)
    return {
        **await read_queue(op.redis),
        "paused": await pause.find_pause(op.redis),
        "appendonly": durability.appendonly,
        "appendfsync": durability.appendfsync,
        "maxmemory_policy": durability.maxmemory_policy,
        "warnings": list(durability.warnings),
    }


async def list_jobs(op: Operator) -> dict[str, list[dict[str, Any]]]:
    """Give by lane the next 100 jobs: `{id, state, due, bytes, tries}`."""
    return {lane.value: await read_jobs(op.redis, lane, JOBS_SHOWN) for lane in Lane}


async def open_job(op: Operator, job_id: str) -> dict[str, Any]:
    """Say what a job carries: `{id, kind, count, event_ids}`. Raises NotFound for one that is done."""
    found = await find_job(op.redis, job_id)
    if found is None:
        raise NotFound(f"there is no job {job_id} any more: what it carried is applied, or on its way")
    return found


async def count_standing(op: Operator) -> dict[str, dict[str, int]]:
    """Count by source the events that are held, and those that wait for something: `{held: {…}, waiting: {…}}`."""
    return {
        status.value: await op.read(lambda conn, status=status: count_by_source(conn, status.value))  # type: ignore[misc] # a default, so that each reads its own
        for status in (Status.HELD, Status.WAITING)
    }


async def pause_workers(op: Operator, reason: str = "") -> None:
    """Hold all workers, within two seconds; webhooks are still taken. Raises Conflict where they are held already."""
    held = await pause.find_pause(op.redis)
    if held:
        raise Conflict(f"{held['actor']} holds the workers already, since {held['at']}")
    at = clock.now()
    document = {"actor": op.actor, "at": clock.iso(at), "reason": reason}
    await pause.pause_workers(op.redis, document)
    await _write(op, "workers.pause", at, document)


async def resume_workers(op: Operator) -> None:
    """Let all workers fetch again. Raises Conflict where nobody holds them."""
    if not await pause.resume_workers(op.redis):
        raise Conflict("nobody holds the workers")
    await _write(op, "workers.resume", clock.now(), None)


async def _write(op: Operator, operation: str, at: int, after: Any) -> None:
    await op.write(
        lambda conn: write_audit(conn, at=at, actor=op.actor, operation=operation, subject="every worker", after=after)
    )
