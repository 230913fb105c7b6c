"""Scripts: check, draft, versions, publish, roll back, compare two texts."""

from typing import Any

from gateway.api.management import answers, bodies
from gateway.api.management.call import MAY_BUILD, PAGED, Call, Group, page
from gateway.api.operation import Parameter
from gateway.errors import Conflict, OperatorError, ScriptRefused
from gateway.operations import drafts, scripts

group = Group("scripts", "What a source's requests mean: drafts, versions, and which one is live.")


@group.takes("POST", "/api/sources/{source}/script/check", roles=MAY_BUILD, body=bodies.Script, answer=answers.Checked)
async def check_script(call: Call) -> Any:
    """Check a text without keeping it: every place that is refused, with line and column."""
    return await drafts.check_draft(call.op, call.source, call.body.text)


@group.takes("GET", "/api/sources/{source}/draft", roles=MAY_BUILD, answer=answers.Draft)
async def show_draft(call: Call) -> Any:
    """Give the draft, else the live text, else nothing; with its revision, which saving and publishing ask for."""
    return await drafts.open_editor(call.op, call.source)


@group.takes(
    "PUT",
    "/api/sources/{source}/draft",
    roles=MAY_BUILD,
    body=bodies.SaveDraft,
    answer=answers.SavedDraft,
    errors=[Conflict, OperatorError],
)
async def save_draft(call: Call) -> Any:
    """Save the draft, also one with faults.

    409 where somebody has saved since `seen_revision`: nothing is lost. 400 for more bytes than a script may have.
    """
    return await drafts.save_draft(call.op, call.source, call.body.text, seen_revision=call.body.seen_revision)


@group.takes("DELETE", "/api/sources/{source}/draft", roles=MAY_BUILD)
async def discard_draft(call: Call) -> Any:
    """Take the draft away; the live version is untouched."""
    await drafts.discard_draft(call.op, call.source)


@group.takes(
    "POST",
    "/api/sources/{source}/draft/publish",
    roles=MAY_BUILD,
    body=bodies.PublishDraft,
    answer=answers.Pushed,
    errors=[Conflict, ScriptRefused],
)
async def publish_draft(call: Call) -> Any:
    """Make the draft a version, live in every gateway when this returns."""
    return await drafts.publish_draft(call.op, call.source, seen_revision=call.body.seen_revision, note=call.body.note)


@group.takes("GET", "/api/sources/{source}/versions", answer=answers.Versions, parameters=PAGED)
async def list_versions(call: Call) -> Any:
    """List the versions, newest first, without their texts."""
    return page(await scripts.list_versions(call.op, call.source), "number", call, "versions")


@group.takes(
    "POST",
    "/api/sources/{source}/versions",
    roles=MAY_BUILD,
    body=bodies.NewVersion,
    answer=answers.Pushed,
    status=201,
    errors=[ScriptRefused],
)
async def push_version(call: Call) -> Any:
    """Keep a text as a new version, and publish it if asked.

    A text that is refused leaves the live version running.
    """
    given: bodies.NewVersion = call.body
    return await scripts.push_script(call.op, call.source, given.text, note=given.note, is_published=given.is_published)


@group.takes("GET", "/api/sources/{source}/versions/{version}", answer=answers.VersionText)
async def show_version(call: Call) -> Any:
    """Show a version by number or id, with its text."""
    return await scripts.show_version(call.op, call.source, call.named("version"))


@group.takes("POST", "/api/sources/{source}/versions/{version}/publish", roles=MAY_BUILD, answer=answers.Pushed)
async def publish_version(call: Call) -> Any:
    """Make a version live in every gateway, by number or id."""
    return await scripts.publish_version(call.op, call.source, call.named("version"))


@group.takes("POST", "/api/sources/{source}/rollback", roles=MAY_BUILD, answer=answers.Pushed, errors=[Conflict])
async def roll_back(call: Call) -> Any:
    """Go back to the version that was live before this one; once more undoes it."""
    return await scripts.roll_back(call.op, call.source)


@group.takes(
    "GET",
    "/api/sources/{source}/diff",
    roles=MAY_BUILD,
    answer=answers.Difference,
    parameters=[
        Parameter("before", "draft, live, a version's number or its id; default live."),
        Parameter("after", "The same; default draft."),
    ],
)
async def diff_texts(call: Call) -> Any:
    """Compare two texts of the source."""
    return await drafts.diff_texts(call.op, call.source, call.asked("before", "live"), call.asked("after", "draft"))
