"""Queue: what waits, runs or is put off, by lane; what is held and what waits for something; the workers' switch."""

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.operations import queue
from gateway.operations.sources import list_sources

section = Section("queue", title="Queue", order=60, key="q")


@section.get("/queue", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    standing = await queue.count_standing(visit.op)
    if visit.sources is not None:
        standing = {
            status: {source: many for source, many in counts.items() if source in visit.sources}
            for status, counts in standing.items()
        }
    paused = {row["name"] for row in await list_sources(visit.op) if row["state"] == "paused"}
    return visit.show(
        "queue/index.html",
        status=await queue.queue_status(visit.op),
        jobs=await queue.list_jobs(visit.op),
        standing=standing,
        paused=paused,
    )


@section.get("/queue/jobs/{job_id}", role=Role.VIEWER, is_of_all=True)
async def job(visit: Visit) -> Response:
    return visit.show("queue/job.html", job=await queue.open_job(visit.op, visit.params["job_id"]))


@section.post("/queue/pause", role=Role.ADMIN, form="queue:index", is_of_all=True)
async def pause(visit: Visit) -> Response:
    await queue.pause_workers(visit.op, visit.form.text("reason"))
    return visit.go(visit.url("queue:index"), "The workers fetch nothing more; webhooks are still taken.")


@section.post("/queue/resume", role=Role.ADMIN, form="queue:index", is_of_all=True)
async def resume(visit: Visit) -> Response:
    await queue.resume_workers(visit.op)
    return visit.go(visit.url("queue:index"), "The workers go on.")
