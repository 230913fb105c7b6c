"""Capturing: keep what comes in as samples for a while, and let a sample in later.

Takes a source and a bound (hours, requests); while it captures the gateway answers 200, applies nothing, and keeps
each request. A sample that is let in is judged from `authenticate` on, by the script that is live then, and becomes an
event under the id that its sender was given.
"""

from typing import Any

from gateway import clock
from gateway.errors import Conflict, HookwrightError, OperatorError
from gateway.event import Event
from gateway.judge import Request, judge
from gateway.operations.operator import Operator
from gateway.operations.runnable import load_live
from gateway.operations.trial_requests import TrialRequest, find_request
from gateway.queue.bulk import enqueue_bulk
from gateway.queue.kept import KEPT_MAX, count_captured, forget_kept
from gateway.registry import Source
from gateway.sandbox.pool import Pool
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.sources import load_source, update_source

HOURS_MAX = 24.0
REQUESTS_MAX = KEPT_MAX["sample"]
_HOUR = 3600 * 1_000_000


async def capture(op: Operator, source: str, *, hours: float = 1, requests: int = 100) -> dict[str, Any]:
    """Begin to capture, in every gateway; gives the state as `capture_state`. Raises NotFound, OperatorError."""
    if not 0 < hours <= HOURS_MAX or not 0 < requests <= REQUESTS_MAX:
        raise OperatorError(f"a source captures for up to {HOURS_MAX:g} hours and up to {REQUESTS_MAX} requests")
    until = clock.now() + round(hours * _HOUR)
    await _set(op, source, until, requests, "source.capture")
    return await capture_state(op, source)


async def stop_capture(op: Operator, source: str) -> None:
    """Go back to the script; the samples stay. Raises NotFound."""
    await _set(op, source, None, None, "source.capture_stop")


async def capture_state(op: Operator, source: str) -> dict[str, Any]:
    """Give `{is_on, until, requests, captured}`. Raises NotFound."""
    row = await op.read(lambda conn: load_source(conn, source))
    until, places = row["capture_until"], row["capture_left"] or 0
    captured = min(places, await count_captured(op.redis, source, until)) if until else 0
    is_on = bool(until and until > clock.now() and captured < places)
    return {"is_on": is_on, "until": clock.iso(until), "requests": places, "captured": captured}


async def _set(op: Operator, source: str, until: int | None, requests: int | None, operation: str) -> None:
    def work(conn: Connection) -> None:
        load_source(conn, source)
        at = clock.now()
        update_source(conn, source, at, capture_until=until, capture_left=requests)
        told = {"until": clock.iso(until), "requests": requests} if until else None
        write_audit(conn, at=at, actor=op.actor, operation=operation, subject=source, after=told)

    await op.publish(work)


async def process_sample(op: Operator, source: str, sample_id: str) -> dict[str, Any]:
    """Let a sample in: `{id, status}` as its sender would have heard. Raises NotFound, Conflict where it is refused."""
    request = await find_request(op, source, f"sample:{sample_id}")
    runnable = await load_live(op, source)
    try:
        event = await let_in(await op.pool(), runnable.source, sample_id, request)
    except HookwrightError as error:
        raise Conflict(f"sample {sample_id} is not let in: {error.detail}") from error
    await enqueue_bulk(op.redis, [event])
    await forget_kept(op.redis, "sample", source, {sample_id})
    told = {"sample_id": sample_id, "status": event.status.value}
    operation = "sample.process"
    await op.write(
        lambda conn: write_audit(conn, at=clock.now(), actor=op.actor, operation=operation, subject=source, after=told)
    )
    return {"id": event.id, "status": event.status.value}


async def let_in(pool: Pool, source: Source, sample_id: str, request: TrialRequest) -> Event:
    """Judge a sample as the path would have; raises what the sender would have heard.

    Where the script has no `authenticate` the sender's key was cut from what is kept: whoever lets it in vouches.
    """
    assert source.script is not None
    asked = Request(sample_id, sample_id, request.received_at, request.head, request.body)
    judgement = await judge(
        pool, source.script, asked, start_at="authenticate" if source.has_authenticate else "transform"
    )
    return judgement.event
