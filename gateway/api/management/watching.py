"""Watching: what waits in the queue, and how it goes; the switch that holds all workers."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_RULE, Call, Group
from gateway.api.operation import Parameter
from gateway.errors import Conflict, Forbidden, OperatorError
from gateway.operations import queue, stats
from gateway.queue.stats import SPANS

group = Group("watching", "The queue, its workers, and figures over time.")


@group.takes("GET", "/api/queue", answer=answers.Queue)
async def show_queue(call: Call) -> Any:
    """Show the lanes, what waits, the workers, who holds them, and what Redis promises."""
    return await queue.queue_status(call.op)


@group.takes("POST", "/api/queue/pause", roles=MAY_RULE, body=bodies.Hold, errors=[Conflict])
async def pause_workers(call: Call) -> Any:
    """Hold all workers; webhooks are still taken."""
    call.require_every_source()
    await queue.pause_workers(call.op, call.body.reason)


@group.takes("POST", "/api/queue/resume", roles=MAY_RULE, errors=[Conflict])
async def resume_workers(call: Call) -> Any:
    """Let all workers fetch again."""
    call.require_every_source()
    await queue.resume_workers(call.op)


@group.takes(
    "GET",
    "/api/stats",
    answer=answers.Stats,
    parameters=[
        Parameter("span", f"One of {', '.join(SPANS)}; default 1h.", {"type": "string", "enum": list(SPANS)}),
        Parameter("source", "Of one source; default: of all, which takes a key of all sources."),
    ],
    errors=[OperatorError],
)
async def show_stats(call: Call) -> Any:
    """Give requests, failures, latencies and what was applied, over a span."""
    source = call.asked("source") or None
    if source is None:
        call.require_every_source()
    elif not call.key.reaches(source):
        raise Forbidden(f'this key does not reach source "{source}"')
    return await stats.overview(call.op, call.asked("span", "1h"), source)
