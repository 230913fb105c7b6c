"""Versions: every text that was ever published, what differs between two, publish, and back in one click."""

from typing import Any

from starlette.responses import Response

from console.access import Role
from console.pages.script import save_typed
from console.section import Section
from console.visit import Visit
from gateway.errors import NotFound
from gateway.operations import drafts
from gateway.operations.diffs import near_changes
from gateway.operations.scripts import list_versions, publish_version
from gateway.operations.sources import show_source

section = Section("versions", under="sources")
NOTE_CHARACTERS_MAX = 200
ROWS_SHOWN = 1000


@section.get("/sources/{source}/versions", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    name = visit.params["source"]
    return visit.show(
        "script/versions.html",
        source=await show_source(visit.op, name),
        versions=await list_versions(visit.op, name),
        draft=await drafts.find_draft(visit.op, name),
    )


@section.get("/sources/{source}/versions/diff", role=Role.VIEWER)
async def diff(visit: Visit) -> Response:
    name = visit.params["source"]
    before, after = visit.asked("before") or drafts.LIVE, visit.asked("after") or drafts.LIVE
    return visit.show(
        "script/diff.html",
        source=await show_source(visit.op, name),
        versions=await list_versions(visit.op, name),
        draft=await drafts.find_draft(visit.op, name),
        diff=_shown(await drafts.diff_texts(visit.op, name, before, after)),
    )


def _shown(diff: dict[str, Any]) -> dict[str, Any]:
    """Give what a page shows of a difference: the lines near a change, and of thousands the first."""
    near = near_changes(diff["rows"])
    return {**diff, "rows": near[:ROWS_SHOWN], "more": len(near) - ROWS_SHOWN}


@section.get("/sources/{source}/versions/{version}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    name, version = visit.params["source"], visit.params["version"]
    versions = await list_versions(visit.op, name)
    found = next((one for one in versions if version in (one["id"], str(one["number"]))), None)
    text = await drafts.load_text(visit.op, name, version)
    return visit.show("script/version.html", source=await show_source(visit.op, name), version=found, text=text)


@section.post("/sources/{source}/versions/{version}/publish", role=Role.INTEGRATOR, form="versions:index")
async def roll_back(visit: Visit) -> Response:
    """Make a version live that there is already."""
    name = visit.params["source"]
    version = await publish_version(visit.op, name, visit.params["version"])
    return visit.go(visit.url("versions:index", source=name), f"Version {version['number']} is live in every gateway.")


@section.post("/sources/{source}/versions/{version}/edit", role=Role.INTEGRATOR, form="versions:index")
async def edit_from(visit: Visit) -> Response:
    """Begin a draft with the text of a version."""
    name = visit.params["source"]
    text = await drafts.load_text(visit.op, name, visit.params["version"])
    draft = await drafts.find_draft(visit.op, name)
    await drafts.save_draft(visit.op, name, text, seen_revision=draft["revision"] if draft else 0)
    return visit.go(visit.url("script:edit", source=name), "The draft begins with this version.")


@section.post("/sources/{source}/publish/begin", role=Role.INTEGRATOR, form="script:edit")
async def begin(visit: Visit) -> Response:
    """Save what is typed, and look at what would be published."""
    name = visit.params["source"]
    await save_typed(visit)
    return visit.go(visit.url("versions:review", source=name))


@section.get("/sources/{source}/publish", role=Role.INTEGRATOR)
async def review(visit: Visit) -> Response:
    name = visit.params["source"]
    source, draft = await show_source(visit.op, name), await drafts.find_draft(visit.op, name)
    failing, outdated = await _judge(visit, source, draft)
    return visit.show(
        "script/publish.html",
        source=source,
        draft=draft,
        diff=_shown(await drafts.diff_texts(visit.op, name)) if draft else None,
        problems=(await drafts.check_draft(visit.op, name, draft["text"]))["problems"] if draft else [],
        failing=failing,
        outdated=outdated,
        comparison_id=_comparison_id(visit),
    )


async def _judge(visit: Visit, source: dict[str, Any], draft: dict[str, Any] | None) -> tuple[int | None, str]:
    """Say how many requests would newly fail, as a finished comparison of this very draft has found.

    None where there is no such comparison, and why one that is named does not count.
    """
    comparison_id = _comparison_id(visit)
    if not comparison_id or draft is None:
        return None, ""
    try:
        comparison = visit.site.comparisons.find(comparison_id)
    except NotFound as error:
        return None, error.detail
    found = comparison.document()
    if found["source"] != source["name"] or found["state"] != "done" or not found["done"]:
        return None, ""
    outdated = comparison.why_outdated(draft["text"], source["live_version_id"])
    return (None, outdated) if outdated else (int(found["counts"]["newly_failing"]), "")


def _comparison_id(visit: Visit) -> str:
    return visit.asked("comparison") or visit.form.values.get("comparison", "")


@section.post("/sources/{source}/publish", role=Role.INTEGRATOR, form="versions:review")
async def publish(visit: Visit) -> Response:
    name, form = visit.params["source"], visit.form
    note = form.text("note", characters_max=NOTE_CHARACTERS_MAX)
    form.settle()
    source, draft = await show_source(visit.op, name), await drafts.find_draft(visit.op, name)
    failing, _ = await _judge(visit, source, draft)
    if failing and not form.flag("is_sure"):
        form.refuse("is_sure", "Tick this to publish all the same.")
    seen = form.number("revision")
    version = await drafts.publish_draft(visit.op, name, seen_revision=seen, note=note)
    return visit.go(visit.url("versions:index", source=name), f"Version {version['number']} is live in every gateway.")
