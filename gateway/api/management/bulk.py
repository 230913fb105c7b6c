"""Bulk: replay or discard all that a filter finds, let in all samples of a source; watch, pause, cancel."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, PAGED, Call, Group
from gateway.api.management.events import read_chosen
from gateway.errors import BadRequest, Conflict, NotFound, OperatorError
from gateway.operations import bulk

group = Group("bulk", "Many events at once, behind live traffic, as work that survives a restart.")


@group.takes("GET", "/api/bulk", answer=answers.BulkJobs, parameters=PAGED)
async def list_bulk(call: Call) -> Any:
    """List bulk jobs, newest first."""
    found = await bulk.list_bulk(call.op, before=call.asked("after") or None, limit=call.limit)
    return found | {"jobs": [job for job in found["jobs"] if _is_reached(call, job)]}


@group.takes(
    "POST",
    "/api/bulk/count",
    roles=MAY_BUILD,
    body=bodies.NewBulk,
    answer=answers.Counted,
    errors=[OperatorError, NotFound],
)
async def count_bulk(call: Call) -> Any:
    """Count what a job would do; nothing is done."""
    given: bodies.NewBulk = call.body
    return await bulk.bulk_count(call.op, given.kind, read_chosen(call, _without_page(given.filter)))


@group.takes(
    "POST",
    "/api/bulk",
    roles=MAY_BUILD,
    body=bodies.NewBulk,
    answer=answers.Bulk,
    status=202,
    errors=[OperatorError, NotFound],
)
async def begin_bulk(call: Call) -> Any:
    """Begin a job on all that is there now. A discard wants a reason; process_samples one source and nothing else."""
    given: bodies.NewBulk = call.body
    chosen = read_chosen(call, _without_page(given.filter))
    return await bulk.bulk_create(call.op, given.kind, chosen, reason=given.reason)


def _without_page(asked: dict[str, str]) -> dict[str, str]:
    if {"after", "limit"} & set(asked):
        raise BadRequest("a job takes all that the filter finds: it has no page")
    return asked


@group.takes("GET", "/api/bulk/{bulk_id}", answer=answers.Bulk)
async def show_bulk(call: Call) -> Any:
    """Show a job, with what became of what it has made."""
    return await _load(call)


@group.takes("POST", "/api/bulk/{bulk_id}/pause", roles=MAY_BUILD, errors=[Conflict])
async def pause_bulk(call: Call) -> Any:
    """Pause a job: nothing more is taken up."""
    await bulk.pause_bulk(call.op, (await _load(call))["id"])


@group.takes("POST", "/api/bulk/{bulk_id}/resume", roles=MAY_BUILD, errors=[Conflict])
async def resume_bulk(call: Call) -> Any:
    """Resume a job where it was."""
    await bulk.resume_bulk(call.op, (await _load(call))["id"])


@group.takes("POST", "/api/bulk/{bulk_id}/cancel", roles=MAY_BUILD, errors=[Conflict])
async def cancel_bulk(call: Call) -> Any:
    """Cancel a job: what is done stays done."""
    await bulk.cancel_bulk(call.op, (await _load(call))["id"])


async def _load(call: Call) -> dict[str, Any]:
    job = await bulk.load_bulk(call.op, call.named("bulk_id"))
    if not _is_reached(call, job):
        raise NotFound(f"there is no bulk job {job['id']}")
    return job


def _is_reached(call: Call, job: dict[str, Any]) -> bool:
    """Tell whether the key reaches every source of a job; a job without sources is about all of them."""
    names = bulk.filter_of(job).sources
    return not call.reach or (bool(names) and all(call.key.reaches(name) for name in names))
