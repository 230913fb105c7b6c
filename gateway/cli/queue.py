"""Queue: what waits, how long, and who works."""

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import show_fields, show_json, show_rows, warn
from gateway.cli.session import operate

app = typer.Typer(no_args_is_help=True, help="Watch the queue between gateway and worker.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show both lanes, the events not applied yet, the workers, and what Redis promises."""
    from gateway.operations.queue import queue_status

    found = operate(queue_status)
    if as_json:
        show_json(found)
        return
    lanes = [{"lane": lane, **state} for lane, state in found.pop("lanes").items()]
    warnings = found.pop("warnings")
    show_rows(lanes, ["lane", "jobs", "oldest_seconds"], empty="there are no lanes")
    typer.echo()
    show_fields(found)
    if not found["workers"]:
        warnings = [*warnings, "no worker runs: nothing is applied"]
    for warning in warnings:
        warn(warning)
