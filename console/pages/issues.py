"""Issues: what keeps failing, how often and since when; what people say of it, and the way to repair all of it."""

from typing import Any

from starlette.responses import Response

from console.access import Role
from console.section import Section
from console.visit import Visit
from gateway.errors import NotFound, OperatorError
from gateway.operations import issues
from gateway.operations.sources import list_sources

section = Section("issues", title="Issues", order=40, key="i")

STATES = ("open", "acknowledged", "resolved")
_ACTS = {
    "acknowledge": (issues.acknowledge_issue, "Acknowledged: everybody sees that you look after it."),
    "resolve": (issues.resolve_issue, "Resolved. The next failure of this kind opens it again."),
    "reopen": (issues.reopen_issue, "Open again."),
}


@section.get("/issues", role=Role.VIEWER)
async def index(visit: Visit) -> Response:
    state = visit.asked("state", "standing")
    states = {"standing": STATES[:2], "all": ()}.get(state, (state,))
    source = visit.asked("source")
    page = await issues.list_issues(
        visit.op, sources=_sources(visit, source), states=states, before=visit.asked("before")
    )
    names = sorted(row["name"] for row in await list_sources(visit.op))
    return visit.show(
        "issues/index.html",
        page=page,
        state=state,
        source=source,
        sources=[name for name in names if visit.sources is None or name in visit.sources],
        is_first=not visit.asked("before"),
    )


def _sources(visit: Visit, chosen: str) -> list[str] | None:
    """Give the sources to look at, None: all of them."""
    if not chosen:
        return None if visit.sources is None else sorted(visit.sources)
    return [chosen] if visit.who.reaches(chosen) else []


@section.get("/issues/{issue_id}", role=Role.VIEWER)
async def show(visit: Visit) -> Response:
    issue = await _load(visit)
    return visit.show("issues/show.html", issue=issue)


async def _load(visit: Visit) -> dict[str, Any]:
    issue = await issues.load_issue(visit.op, visit.params["issue_id"])
    if not visit.who.reaches(issue["source"]):
        raise NotFound(f"there is no issue {issue['id']}")
    return issue


@section.post("/issues/{issue_id}/state", role=Role.INTEGRATOR, form="issues:show")
async def judge(visit: Visit) -> Response:
    """Say what one thinks of it: a note, and a state where a button of one was pressed."""
    issue = await _load(visit)
    note = visit.form.text("note", characters_max=issues.NOTE_CHARACTERS_MAX)
    visit.form.settle()
    act = visit.form.text("act")
    if act == "note":
        act = {"open": "reopen", "acknowledged": "acknowledge", "resolved": "resolve"}[issue["state"]]
        said = "The note is kept."
    elif act in _ACTS:
        said = _ACTS[act][1]
    else:
        raise OperatorError(f"an issue is acknowledged, resolved or opened again, not {act or 'nothing'}")
    await _ACTS[act][0](visit.op, issue["id"], note=note)
    return visit.go(visit.url("issues:show", issue_id=issue["id"]), said)


@section.finder(role=Role.VIEWER)
async def find(visit: Visit, text: str) -> str | None:
    if not text.startswith("iss_"):
        return None
    try:
        issue = await issues.load_issue(visit.op, text)
    except NotFound:
        return None
    return visit.url("issues:show", issue_id=text) if visit.who.reaches(issue["source"]) else None
