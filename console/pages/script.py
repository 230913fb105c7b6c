"""Script: write it, see what is wrong as you type, try it on real requests, save the draft.

What a draft would change is asked on `comparisons`, and published from there or from `versions`.
"""

from typing import Any

from starlette.responses import JSONResponse, Response

from console.access import Role
from console.form import Form, Refused
from console.pasted import read_pasted
from console.section import Section
from console.security import BODY_BYTES_MAX
from console.visit import Visit
from gateway.errors import Conflict, HookwrightError
from gateway.operations import drafts, fixtures
from gateway.operations.events import list_events, list_rejected, list_samples
from gateway.operations.operator import Operator
from gateway.operations.sources import show_source
from gateway.operations.toolbox_docs import GROUPS, completion_items, toolbox_docs
from gateway.operations.trial_requests import TrialRequest, find_request
from gateway.operations.trying import try_script

section = Section("script", under="sources")

OFFERED = 15
FIRST_LINES = '''"""What it is, and who sends it."""

from gateway.toolbox import Ignore, upsert_contact, verify_hmac


def authenticate(request, context):
    return verify_hmac(request, header="X-Signature", secret=context.secrets["signing_secret"])


def transform(request, context):
    person = request.json
    if not person.get("email"):
        raise Ignore("nobody to know")
    yield upsert_contact(identifiers={"email": person["email"]})
'''


@section.get("/sources/{source}/script", role=Role.INTEGRATOR)
async def edit(visit: Visit) -> Response:
    return await _page(visit)


async def _page(visit: Visit, *, tried: dict[str, Any] | None = None, revision: int | None = None) -> Response:
    """Draw the editor with what was typed, else with the draft, else with the live text."""
    name, typed = visit.params["source"], visit.form.values
    opened = await drafts.open_editor(visit.op, name)
    known = opened["text"] or FIRST_LINES
    text = typed.get("text", known).replace("\r\n", "\n")
    checked = await drafts.check_draft(visit.op, name, text) if text.strip() else {"problems": []}
    return visit.show(
        "script/edit.html",
        source=await show_source(visit.op, name),
        opened=opened,
        text=text,
        is_saved=text == known,
        problems=checked["problems"],
        revision=typed.get("revision", opened["revision"]) if revision is None else revision,
        requests=await _offered(visit.op, name),
        chosen=typed.get("request", visit.asked("try")),
        tried=tried,
        groups=GROUPS,
        toolbox=toolbox_docs(),
    )


async def _offered(op: Operator, name: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Name the requests that a script may be tried on: (group, [(reference, what is shown)])."""
    events = await list_events(op, source=name, limit=OFFERED)
    failed = await list_events(op, source=name, status="failed", limit=OFFERED)
    kept = await fixtures.list_fixtures(op, name)
    samples, rejected = await list_samples(op, name, OFFERED), await list_rejected(op, name, OFFERED)
    groups = [
        (
            "Failed events",
            [
                (f"event:{event['id']}", f"{event['received_at'][11:19]} UTC {event['reason'] or ''}"[:90])
                for event in failed
            ],
        ),
        (
            "Newest events",
            [(f"event:{one['id']}", f"{one['received_at'][11:19]} UTC {one['status']} {one['id']}") for one in events],
        ),
        ("Fixtures", [(each["reference"], each["name"]) for each in kept]),
        ("Captured", [(f"sample:{each['id']}", f"{each['head']['method']} {each['id']}") for each in samples]),
        ("Rejected", [(f"rejected:{each['id']}", f"{each['id']} {each['reason']}"[:80]) for each in rejected]),
    ]
    return [(title, choices) for title, choices in groups if choices]


@section.post("/sources/{source}/script", role=Role.INTEGRATOR, form="script:edit")
async def save(visit: Visit) -> Response:
    """Save the draft. A browser with JavaScript asks for JSON: `{revision, author}`, or 409 with who was quicker."""
    name = visit.params["source"]
    try:
        draft = await save_typed(visit)
    except Conflict as error:
        if visit.wants_json:
            return JSONResponse({"detail": error.detail, **error.extra}, 409)
        visit.status = 422
        visit.form.faults[""] = f"{error.detail}; what you typed is below: saving it again writes over theirs"
        return await _page(visit, revision=error.extra.get("revision", 0))
    if visit.wants_json:
        return JSONResponse({"revision": draft["revision"], "author": draft["author"]})
    return visit.go(visit.url("script:edit", source=name), "The draft is saved.")


async def save_typed(visit: Visit) -> dict[str, Any]:
    """Save what was typed, or the file that was chosen; unchanged it is left alone."""
    name, form = visit.params["source"], visit.form
    upload = form.file("file")
    text = _read_text(form, await upload.read()) if upload else _typed(visit)
    form.settle()
    seen = form.number("revision")
    opened = await drafts.open_editor(visit.op, name)
    if opened["is_draft"] and opened["revision"] == seen and opened["text"] == text:
        return opened
    return await drafts.save_draft(visit.op, name, text, seen_revision=seen)


def _read_text(form: Form, data: bytes) -> str:
    """Read a file as the text of a script; one that is no text is refused."""
    if fault := _find_no_text(data):
        form.refuse("file", fault)
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def _find_no_text(data: bytes) -> str:
    """Say where a file is no text, in the words that the editor has for it; empty where it is one."""
    place, what = data.find(0), "a NUL byte"
    if place < 0:
        try:
            data.decode()
            return ""
        except UnicodeDecodeError as error:
            place, what = error.start, f"0x{data[error.start]:02X}, which is not UTF-8"
    return f"the file is no text: byte {place + 1:,} (line {data.count(10, 0, place) + 1}) is {what}"


def _typed(visit: Visit) -> str:
    return visit.form.raw("text", characters_max=BODY_BYTES_MAX).replace("\r\n", "\n")


@section.post("/sources/{source}/script/problems", role=Role.INTEGRATOR)
async def problems(visit: Visit) -> Response:
    """Compile what is typed, in the sandbox, and say where it is wrong."""
    return JSONResponse(await drafts.check_draft(visit.op, visit.params["source"], _typed(visit)))


@section.get("/toolbox.json", role=Role.INTEGRATOR)
async def completions(visit: Visit) -> Response:
    return JSONResponse(completion_items(), headers={"Cache-Control": "private, max-age=3600"})


@section.post("/sources/{source}/script/try", role=Role.INTEGRATOR, form="script:edit")
async def try_it(visit: Visit) -> Response:
    """Run what is typed on a request; nothing is stored or queued."""
    name = visit.params["source"]
    try:
        request = await _request(visit, name)
        is_vouched = visit.form.flag("is_vouched")
        tried = await try_script(visit.op, name, request, text=_typed(visit), is_vouched=is_vouched)
    except Refused:
        tried = {"error": "; ".join(visit.form.faults.values())}
    except HookwrightError as error:
        tried = {"error": error.detail}
    return await _page(visit, tried=tried)


async def _request(visit: Visit, name: str) -> TrialRequest:
    reference = visit.form.text("request")
    if reference and reference != "pasted":
        return await find_request(visit.op, name, reference)
    return await read_pasted(visit, name)


@section.post("/sources/{source}/script/keep", role=Role.INTEGRATOR, form="script:edit")
async def keep(visit: Visit) -> Response:
    """Keep the request that was tried as a fixture."""
    name, form = visit.params["source"], visit.form
    title = form.text("fixture", needed="Give the fixture a name.")
    form.settle()
    request = await _request(visit, name)
    with form.about("fixture"):
        await fixtures.add_fixture(visit.op, name, title, request)
    return visit.go(visit.url("script:edit", source=name, **{"try": f"fixture:{title}"}), f"Kept as {title}.")


@section.post("/sources/{source}/script/discard", role=Role.INTEGRATOR, form="script:edit")
async def discard(visit: Visit) -> Response:
    name = visit.params["source"]
    await drafts.discard_draft(visit.op, name)
    return visit.go(visit.url("script:edit", source=name), "The draft is gone; this is the live version.")
