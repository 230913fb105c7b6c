"""Bulk work: replay or discard all that a search finds. The count comes first; then it can be watched and stopped."""

from hmac import compare_digest
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from console.access import Role
from console.filtering import Asked, read_asked
from console.section import Section
from console.security import derive
from console.visit import Visit
from gateway.errors import NotFound, OperatorError
from gateway.ids import mint_bulk_id
from gateway.operations import bulk

section = Section("bulk", title="Bulk work", order=50, key="b")

KINDS = ("replay", "discard")
# What of a job's replays has done nothing, or not yet.
_APART = {
    "duplicate": "duplicate: another event stands for the same delivery",
    "waiting": "waiting for what another event will bring",
    "held": "held, since the source is paused",
    "discarded": "discarded",
}


@section.get("/bulk", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    page = await bulk.list_bulk(visit.op, before=visit.asked("before") or None)
    jobs = [(job, _asked(job)) for job in page["jobs"] if _is_reached(visit, job)]
    return visit.show("bulk/index.html", jobs=jobs, older=page["next"], is_first=not visit.asked("before"))


def _is_reached(visit: Visit, job: dict[str, Any]) -> bool:
    """Tell whether a job is about sources that the person may see, and about no others."""
    if visit.sources is None:
        return True
    sources = bulk.filter_of(job).sources
    return bool(sources) and all(visit.who.reaches(name) for name in sources)


@section.get("/bulk/new", role=Role.INTEGRATOR)
async def new(visit: Visit) -> Response:
    """Count what there is to do, and ask. What lies in payloads takes a while to count: the page comes first."""
    asked, kind = read_asked(visit.request.query_params), _kind(visit)
    chosen = asked.read(visit.sources)
    is_counted = not chosen.is_of_payload or visit.asked("count") == "now"
    return visit.show(
        "bulk/new.html",
        asked=asked,
        kind=kind,
        counted=await bulk.bulk_count(visit.op, kind, chosen) if is_counted else None,
        is_anybody_there=await bulk.is_worker_there(visit.op),
        once=_seal(visit, mint_bulk_id()),
    )


@section.post("/bulk/new", role=Role.INTEGRATOR, form="bulk:new")
async def begin(visit: Visit) -> Response:
    asked, kind, form = read_asked(visit.request.query_params), _kind(visit), visit.form
    reason = form.text("reason", needed="Say why: somebody will want to know." if kind == "discard" else "")
    total = form.text("total")
    form.settle()
    known = int(total) if total.isascii() and total.isdigit() and len(total) < 10 else None
    chosen, bulk_id = asked.read(visit.sources), _sealed_id(visit)
    job = await bulk.bulk_create(visit.op, kind, chosen, reason=reason, total=known, bulk_id=bulk_id)
    is_over = job["state"] not in ("queued", "running")
    said = "This form was sent before, and this came of it." if is_over else "Begun: it runs behind live traffic."
    return visit.go(visit.url("bulk:show", bulk_id=job["id"]), said)


def _seal(visit: Visit, bulk_id: str) -> str:
    """Write the id that the job of this form will have: sent twice, the form begins it once."""
    return f"{bulk_id}.{derive(visit.token, 'bulk', bulk_id)}"


def _sealed_id(visit: Visit) -> str | None:
    once = visit.form.text("once")
    bulk_id, _, _ = once.partition(".")
    if not once:
        return None
    if not compare_digest(once.encode(), _seal(visit, bulk_id).encode()):
        visit.form.refuse("", "The page was too old: it was drawn again, look and send it now.")
    return bulk_id


def _kind(visit: Visit) -> str:
    kind = visit.asked("kind", "replay")
    if kind not in KINDS:
        raise OperatorError(f"bulk work is one of {', '.join(KINDS)}")
    return kind


@section.get("/bulk/{bulk_id}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    job = await _load(visit)
    return visit.show(
        "bulk/show.html",
        job=job,
        asked=_asked(job),
        outcome=tell_outcome(job["result"]),
        is_active=job["state"] in ("queued", "running") or bool(job["result"].get("queued")),
        is_anybody_there=await bulk.is_worker_there(visit.op),
    )


def tell_outcome(result: dict[str, int]) -> str:
    """Say what became of the replays that are through, those that count for nothing apart."""
    other = {status: many for status, many in result.items() if many and status in _APART}
    if not other:
        return "Every one of them went through."
    went = sum(many for status, many in result.items() if status not in other)
    apart = "; ".join(f"{many:,} {_APART[status]}" for status, many in other.items())
    return f"{went:,} went through; {apart}."


def _asked(job: dict[str, Any]) -> Asked:
    return read_asked(QueryParams(job["filter"]))


async def _load(visit: Visit) -> dict[str, Any]:
    job = await bulk.load_bulk(visit.op, visit.params["bulk_id"])
    if not _is_reached(visit, job):
        raise NotFound(f"there is no bulk job {job['id']}")
    return job


@section.post("/bulk/{bulk_id}/pause", role=Role.INTEGRATOR, form="bulk:show")
async def pause(visit: Visit) -> Response:
    job = await _load(visit)
    await bulk.pause_bulk(visit.op, job["id"])
    return _back(visit, "Paused: nothing more is taken up; what is queued goes on.")


@section.post("/bulk/{bulk_id}/resume", role=Role.INTEGRATOR, form="bulk:show")
async def resume(visit: Visit) -> Response:
    job = await _load(visit)
    await bulk.resume_bulk(visit.op, job["id"])
    return _back(visit, "It goes on where it was.")


@section.post("/bulk/{bulk_id}/cancel", role=Role.INTEGRATOR, form="bulk:show")
async def cancel(visit: Visit) -> Response:
    job = await _load(visit)
    await bulk.cancel_bulk(visit.op, job["id"])
    return _back(visit, "Cancelled: what is done stays done.")


def _back(visit: Visit, said: str) -> Response:
    return visit.go(visit.url("bulk:show", bulk_id=visit.params["bulk_id"]), said)


@section.finder(role=Role.VIEWER)
async def find(visit: Visit, text: str) -> str | None:
    if not text.startswith("blk_"):
        return None
    try:
        job = await bulk.load_bulk(visit.op, text)
    except NotFound:
        return None
    return visit.url("bulk:show", bulk_id=text) if _is_reached(visit, job) else None
