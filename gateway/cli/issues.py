"""Issues: what keeps failing, and taking it again once it is mended."""

from typing import Annotated, Any

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.bulk import run_bulk
from gateway.cli.output import note, show_fields, show_json, show_rows
from gateway.cli.session import operate

app = typer.Typer(no_args_is_help=True, help="List, show and settle what keeps failing; replay all of it.")

IssueId = Annotated[
    str, typer.Argument(help="iss_…, as `issues list` shows it.", metavar="ISSUE_ID", show_default=False)
]
Note = Annotated[str | None, typer.Option(help="Why, for whoever looks next.", show_default=False)]


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Option("--source", help="Only of this source.", show_default=False)] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="open, acknowledged or resolved; may be repeated.")
    ] = None,
    before: Annotated[str, typer.Option(help="The next page: what the page before has said.")] = "",
    as_json: AsJson = False,
) -> None:
    """List issues, the one that failed last first; a count is of deliveries that still stand failed."""
    from gateway.operations.issues import list_issues

    sources = None if source is None else [source]
    page = operate(lambda op: list_issues(op, sources=sources, states=state or (), before=before))
    if as_json:
        show_json(page)
        return
    columns = ["id", "state", "source", "stage", "count", "last_seen", "cause"]
    show_rows(page["issues"], columns, empty="nothing has failed")
    if page["next"]:
        note(f"[dim]there are more: --before {page['next']}[/dim]")


@app.command()
def show(issue_id: IssueId, as_json: AsJson = False) -> None:
    """Show an issue with its newest events, and the script versions that they failed under."""
    from gateway.operations.issues import load_issue

    issue = operate(lambda op: load_issue(op, issue_id))
    if as_json:
        show_json(issue)
        return
    events = issue.pop("events")
    show_fields({name: value for name, value in issue.items() if name != "next_events"})
    typer.echo()
    show_rows(events, ["id", "status", "replaced_by", "created_at", "reason"], empty="it has no events any more")


@app.command()
def acknowledge(issue_id: IssueId, note: Note = None) -> None:
    """Say that somebody looks after it."""
    _settle("acknowledge_issue", issue_id, note)


@app.command()
def resolve(issue_id: IssueId, note: Note = None) -> None:
    """Say that it is mended; the next failure of its kind opens it again."""
    _settle("resolve_issue", issue_id, note)


@app.command()
def reopen(issue_id: IssueId, note: Note = None) -> None:
    """Say that it is not mended after all."""
    _settle("reopen_issue", issue_id, note)


@app.command()
def replay(
    issue_id: IssueId, is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Take all that stands failed for it again, with the live script: the count first, then as a bulk job."""
    from gateway.store.searching import EventFilter

    run_bulk("replay", EventFilter(issue=issue_id, statuses=("failed",)), is_sure=is_sure)


def _settle(act: str, issue_id: str, words: str | None) -> None:
    from gateway.operations import issues

    settle: Any = getattr(issues, act)
    operate(lambda op: settle(op, issue_id, note=words))
    typer.echo(f"{issue_id} is {act.removesuffix('_issue')}d")
