"""Events: what came in, what became of it, taking it again, or letting it go."""

import base64
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson, Since, SourceName
from gateway.cli.output import Bar, note, progress, show_fields, show_json, show_rows
from gateway.cli.session import operate
from gateway.cli.transfer import OfSource, OfStatus, export, import_

if TYPE_CHECKING:
    from gateway.operations.operator import Operator
    from gateway.operations.replay import ReplayFilter

app = typer.Typer(no_args_is_help=True, help="List, show, replay, discard, export and import events.")
app.command("export")(export)
app.command("import")(import_)


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
    """Show an event: its status and why, its actions, its log, every attempt to apply it."""
    from gateway.operations.events import load_event

    event = operate(lambda op: load_event(op, event_id))
    if as_json:
        show_json(event)
    else:
        show_fields(event)


@app.command()
def request(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID")],
    is_raw: Annotated[
        bool, typer.Option("--raw", help="The very bytes of the body, nothing masked; the head goes to standard error.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the request behind an event, with credentials and what its source hides masked."""
    from gateway.operations.requests import show_request

    found = operate(lambda op: show_request(op, event_id, is_raw=is_raw))
    if as_json:
        show_json(found)
    elif is_raw:
        for line in _head_lines(found["head"]):
            typer.echo(line, err=True)
        sys.stdout.buffer.write(base64.b64decode(found["body_base64"]))
        sys.stdout.buffer.flush()
    else:
        typer.echo("\n".join((*_head_lines(found["head"]), "", found["body"])))


def _head_lines(head: dict[str, Any]) -> list[str]:
    """Write a head as HTTP does, with where it came from and when."""
    came = f"from {head.get('client_ip') or 'unknown'}"
    headers = [f"{name}: {value}" for name, value in head.get("headers", ())]
    return [f"{head.get('method', '')} {head.get('url') or head.get('path', '')}  ({came})", *headers]


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

    A filter counts first, then asks, and begins a bulk job, which the worker goes through by itself. Replays queue
    behind live traffic and never apply anything twice.
    """
    has_filter = any((source, status, since))
    if bool(event_ids) == has_filter:
        raise typer.BadParameter("name events, or choose them by --source, --status, --since: one of both")
    if event_ids:
        _replay_named(event_ids)
    else:
        from gateway.cli.bulk import run_bulk
        from gateway.store.searching import EventFilter

        of_source, of_status = ((source,) if source else ()), ((status.value,) if status else ())
        run_bulk("replay", EventFilter(sources=of_source, statuses=of_status, since=since), is_sure=is_sure)


def _replay_named(event_ids: list[str]) -> None:
    from gateway.operations.replay import replay_event

    async def act(op: "Operator") -> None:
        for event_id in event_ids:
            typer.echo(f"{event_id} is replayed as {await replay_event(op, event_id)}")

    operate(act)


@app.command()
def discard(
    event_ids: Annotated[
        list[str] | None, typer.Argument(help="Events to discard.", metavar="EVENT_ID", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it is kept with the event and in the audit log.")] = "",
    source: OfSource = None,
    status: OfStatus = None,
    since: Since = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let events that failed, wait or are held never be applied: named ones, or all that a filter selects.

    Nothing is deleted, and a discarded event can be replayed. A filter counts first, then asks.
    """
    has_filter = any((source, status, since))
    if bool(event_ids) == has_filter:
        raise typer.BadParameter("name events, or choose them by --source, --status, --since: one of both")
    if not reason.strip():
        raise typer.BadParameter("say why: --reason")
    if event_ids:
        _discard_named(event_ids, reason)
    else:
        from gateway.operations.replay import ReplayFilter

        _discard_chosen(ReplayFilter(source=source, status=status, since=since), reason, is_sure)


def _discard_named(event_ids: list[str], reason: str) -> None:
    from gateway.operations.discard import discard_event

    async def act(op: "Operator") -> None:
        for event_id in event_ids:
            await discard_event(op, event_id, reason)
            typer.echo(f"{event_id} is discarded")

    operate(act)


def _discard_chosen(chosen: "ReplayFilter", reason: str, is_sure: bool) -> None:
    from gateway.operations.discard import count_discard

    count = operate(lambda op: count_discard(op, chosen))
    if not count:
        note("there is nothing to discard")
        return
    if not is_sure:
        typer.confirm(f"Discard {count} events?", abort=True)
    with progress("discarding", count) as bar:
        done = operate(lambda op: _discard_all(op, chosen, reason, bar))
    typer.echo(f"{done} events are discarded")


async def _discard_all(op: "Operator", chosen: "ReplayFilter", reason: str, bar: Bar) -> int:
    from gateway.operations.discard import discard_many

    done = 0
    async for done in discard_many(op, chosen, reason):
        bar.reach(done)
    return done
