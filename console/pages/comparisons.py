"""Comparisons: what would this draft change? It runs beside the live version over the last real requests."""

from starlette.responses import Response

from console.access import Role
from console.pages.script import save_typed
from console.section import Section
from console.visit import Visit
from gateway.errors import NotFound
from gateway.operations import drafts
from gateway.operations.comparing import KINDS, Comparison
from gateway.operations.sources import show_source

section = Section("comparisons", under="sources")

COUNTS = ("25", "100", "500")
SHOWN = 50


@section.post("/sources/{source}/comparisons", role=Role.INTEGRATOR, form="script:edit")
async def begin(visit: Visit) -> Response:
    """Save what is typed, then compare that."""
    name = visit.params["source"]
    count = visit.form.choice("count", COUNTS)
    visit.form.settle()
    await save_typed(visit)
    text = await drafts.load_text(visit.op, name, drafts.DRAFT)
    comparison = visit.site.comparisons.start(visit.op, name, text, count=int(count))
    return visit.go(visit.url("comparisons:show", source=name, comparison_id=comparison.id))


@section.get("/sources/{source}/comparisons/{comparison_id}", role=Role.INTEGRATOR)
async def show(visit: Visit) -> Response:
    name = visit.params["source"]
    comparison = _find(visit)
    document = comparison.document()
    kind = visit.asked("kind") if visit.asked("kind") in KINDS else ""
    chosen = [one for one in document["results"] if (one["kind"] == kind if kind else one["kind"] != "same")]
    return visit.show(
        "script/comparison.html",
        source=await show_source(visit.op, name),
        comparison=document,
        kinds=KINDS,
        kind=kind,
        results=chosen[:SHOWN],
        more=len(chosen) - SHOWN,
    )


@section.post("/sources/{source}/comparisons/{comparison_id}/cancel", role=Role.INTEGRATOR)
async def cancel(visit: Visit) -> Response:
    comparison = _find(visit)
    visit.site.comparisons.cancel(comparison.id)
    where = visit.url("comparisons:show", source=comparison.source, comparison_id=comparison.id)
    return visit.go(where, "Cancelled.")


def _find(visit: Visit) -> Comparison:
    comparison = visit.site.comparisons.find(visit.params["comparison_id"])
    if comparison.source != visit.params["source"]:
        raise NotFound("this comparison is of another source")
    return comparison
