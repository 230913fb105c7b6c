"""Bulk: look after replays and discards of many events: they are jobs of the worker, and outlive this shell."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import Bar, note, progress, show_fields, show_json, show_rows, warn
from gateway.cli.session import operate

if TYPE_CHECKING:
    from gateway.operations.operator import Operator
    from gateway.store.searching import EventFilter

app = typer.Typer(no_args_is_help=True, help="Watch, pause, resume and cancel bulk jobs.")

BulkId = Annotated[str, typer.Argument(help="blk_…, as `bulk list` shows it.", metavar="BULK_ID", show_default=False)]
LOOK_SECONDS = 0.2
_OVER = ("done", "failed", "cancelled", "paused")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List jobs, newest first."""
    from gateway.operations.bulk import list_bulk

    page = operate(list_bulk)
    if as_json:
        show_json(page)
    else:
        columns = ["id", "kind", "state", "done", "total", "author", "created_at", "filter"]
        show_rows(page["jobs"], columns, empty="there are no jobs")


@app.command()
def show(bulk_id: BulkId, as_json: AsJson = False) -> None:
    """Show a job, and what became of what it has made."""
    from gateway.operations.bulk import load_bulk

    job = operate(lambda op: load_bulk(op, bulk_id))
    (show_json if as_json else show_fields)(job)


@app.command()
def pause(bulk_id: BulkId) -> None:
    """Queue nothing more for now."""
    from gateway.operations.bulk import pause_bulk

    operate(lambda op: pause_bulk(op, bulk_id))
    typer.echo(f"{bulk_id} is paused; go on with: hookwright bulk resume {bulk_id}")


@app.command()
def resume(bulk_id: BulkId) -> None:
    """Go on where it was."""
    from gateway.operations.bulk import resume_bulk

    operate(lambda op: resume_bulk(op, bulk_id))
    typer.echo(f"{bulk_id} goes on")


@app.command()
def cancel(bulk_id: BulkId) -> None:
    """End it; what is done stays done."""
    from gateway.operations.bulk import cancel_bulk

    operate(lambda op: cancel_bulk(op, bulk_id))
    typer.echo(f"{bulk_id} is cancelled")


def run_bulk(kind: str, chosen: "EventFilter", *, is_sure: bool, reason: str = "") -> None:
    """Count, ask, begin a job and watch it until all is queued; Ctrl-C leaves the job to the worker."""
    from gateway.operations.bulk import bulk_count, is_worker_there

    counted = operate(lambda op: bulk_count(op, kind, chosen))
    if not counted["count"] and counted["is_exact"]:
        note(f"there is nothing to {kind}")
        return
    if not is_sure:
        some = "" if counted["is_exact"] else "at least "
        typer.confirm(f"{kind.capitalize()} {some}{counted['count']} deliveries?", abort=True)
    if not operate(is_worker_there):
        warn("no worker runs: the job waits for one")
    with progress("queueing", counted["count"]) as bar:
        job = operate(lambda op: _run(op, kind, chosen, reason, counted["count"], bar))
    what = "events are discarded" if kind == "discard" else "replays are queued"
    typer.echo(f"{job['done']} {what}; what became of them: hookwright bulk show {job['id']}")
    if job["state"] != "done":
        warn(f"{job['id']} is {job['state']}{': ' + job['error'] if job['error'] else ''}")
    if job["state"] == "failed":
        raise typer.Exit(1)


async def _run(op: "Operator", kind: str, chosen: "EventFilter", reason: str, total: int, bar: Bar) -> dict[str, Any]:
    from gateway.operations.bulk import bulk_create, is_worker_there, load_bulk

    job = await bulk_create(op, kind, chosen, reason=reason, total=total)
    note(f"[dim]{job['id']} goes on without this shell[/dim]")
    while job["state"] not in _OVER and (job["state"] == "running" or await is_worker_there(op)):
        await asyncio.sleep(LOOK_SECONDS)
        job = await load_bulk(op, job["id"])
        bar.reach(job["done"])
    return job
