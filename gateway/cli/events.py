"""Events: what came in, what became of it, and taking it again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson, Since, SourceName
from gateway.cli.output import Bar, note, progress, show_fields, show_json, show_rows
from gateway.cli.session import operate
from gateway.event import Status

if TYPE_CHECKING:
    from gateway.operations.operator import Operator
    from gateway.operations.replay import ReplayFilter

app = typer.Typer(no_args_is_help=True, help="List, show and replay events.")

OfSource = Annotated[str | None, typer.Option("--source", help="Only of this source.", show_default=False)]
OfStatus = Annotated[Status | None, typer.Option("--status", help="Only with this status.", show_default=False)]


@app.command("list")
def list_(
    source: OfSource = None,
    status: OfStatus = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most that many.")] = 50,
    before: Annotated[str | None, typer.Option(help="Only older than this event: the next page.")] = None,
    as_json: AsJson = False,
) -> None:
    """List events, newest first."""
    from gateway.operations.events import list_events

    rows = operate(lambda op: list_events(op, source=source, status=status, since=since, limit=limit, before_id=before))
    if as_json:
        show_json(rows)
        return
    show_rows(rows, ["id", "source", "status", "received_at", "reason"], empty="there are no such events")
    if len(rows) == limit:
        note(f"[dim]there may be more: --before {rows[-1]['id']}[/dim]")


@app.command()
def show(event_id: Annotated[str, typer.Argument(metavar="EVENT_ID")], as_json: AsJson = False) -> None:
    """Show an event: its request, its actions, its status and why."""
    from gateway.operations.events import load_event

    event = operate(lambda op: load_event(op, event_id))
    if as_json:
        show_json(event)
    else:
        show_fields(event)


@app.command()
def rejected(source: SourceName, as_json: AsJson = False) -> None:
    """List requests of a source that were not genuine, or whose authenticate broke, newest first, with the reason."""
    from gateway.operations.events import list_rejected

    _show_kept(operate(lambda op: list_rejected(op, source)), as_json)


@app.command()
def samples(source: SourceName, as_json: AsJson = False) -> None:
    """List requests that came to a source while it had no script: what to write one against. --json has the bodies."""
    from gateway.operations.events import list_samples

    _show_kept(operate(lambda op: list_samples(op, source)), as_json)


def _show_kept(entries: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(entries)
        return
    rows = [
        {
            "id": entry["id"],
            **{name: entry["head"][name] for name in ("method", "client_ip")},
            "reason": entry["reason"],
        }
        for entry in entries
    ]
    show_rows(rows, ["id", "method", "client_ip", "reason"], empty="there are none")


@app.command()
def replay(
    event_ids: Annotated[
        list[str] | None, typer.Argument(help="Events to replay.", metavar="EVENT_ID", show_default=False)
    ] = None,
    source: OfSource = None,
    status: OfStatus = None,
    since: Since = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take events again from their raw requests, with the live script: named ones, or all that a filter selects.

    A filter counts first, then asks. Replays queue behind live traffic and never apply anything twice.
    """
    has_filter = any((source, status, since))
    if bool(event_ids) == has_filter:
        raise typer.BadParameter("name events, or choose them by --source, --status, --since: one of both")
    if event_ids:
        _replay_named(event_ids)
    else:
        from gateway.operations.replay import ReplayFilter

        _replay_chosen(ReplayFilter(source=source, status=status, since=since), is_sure)


def _replay_named(event_ids: list[str]) -> None:
    from gateway.operations.replay import replay_event

    async def act(op: "Operator") -> None:
        for event_id in event_ids:
            typer.echo(f"{event_id} is replayed as {await replay_event(op, event_id)}")

    operate(act)


def _replay_chosen(chosen: "ReplayFilter", is_sure: bool) -> None:
    from gateway.operations.replay import count_replay

    count = operate(lambda op: count_replay(op, chosen))
    if not count:
        note("there is nothing to replay")
        return
    if not is_sure:
        typer.confirm(f"Replay {count} deliveries with the live script?", abort=True)
    with progress("queueing", count) as bar:
        queued = operate(lambda op: _queue_all(op, chosen, bar))
    typer.echo(f"{queued} replays are queued; watch them with: hookwright queue status")


async def _queue_all(op: "Operator", chosen: "ReplayFilter", bar: Bar) -> int:
    from gateway.operations.replay import replay_many

    queued = 0
    async for queued in replay_many(op, chosen):
        bar.reach(queued)
    return queued
