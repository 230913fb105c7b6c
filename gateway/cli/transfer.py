"""Transfer: events out of this Hookwright, and into it."""

import sys
from collections.abc import AsyncIterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from gateway.cli.arguments import Since, parse_since
from gateway.cli.output import Bar, complain, note, progress
from gateway.cli.session import operate
from gateway.errors import OperatorError
from gateway.event import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.operations.importing import Report
    from gateway.operations.operator import Operator
    from gateway.store.exports import ExportFilter

FAULTS_PRINTED_MAX = 20

OfSource = Annotated[str | None, typer.Option("--source", help="Only of this source.", show_default=False)]
OfStatus = Annotated[Status | None, typer.Option("--status", help="Only with this status.", show_default=False)]


def export(
    source: Annotated[str | None, typer.Option("--source", help="Only of this source.", show_default=False)] = None,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only with this status.", show_default=False)
    ] = None,
    since: Since = None,
    until: Annotated[
        int | None,
        typer.Option(help="Only what came in before.", parser=parse_since, metavar="TIME", show_default=False),
    ] = None,
    is_raw: Annotated[
        bool, typer.Option("--raw", help="Mask nothing: only such an export can be imported. It holds credentials.")
    ] = False,
) -> None:
    """Write events to standard output, one JSON a line: [bold]hookwright events export > events.ndjson[/bold].

    Ids, times, status, actions, log and the raw request, masked as it is where it is shown, unless --raw.
    """
    from gateway.store.exports import ExportFilter

    chosen = ExportFilter(source=source, status=status, since=since, until=until)
    written = operate(lambda op: _write_all(op, chosen, is_raw))
    note(f"{written} events are written{'' if is_raw else ', masked: for reading, not for importing'}")


async def _write_all(op: "Operator", chosen: "ExportFilter", is_raw: bool) -> int:
    from gateway.operations.exporting import count_export, export_events

    written = 0
    # On a terminal the lines themselves show how far it is.
    with progress("writing", await count_export(op, chosen), is_shown=not sys.stdout.isatty()) as bar:
        async for line in export_events(op, chosen, is_raw=is_raw):
            sys.stdout.buffer.write(line)
            written += 1
            bar.reach(written)
    sys.stdout.buffer.flush()
    return written


def import_(
    path: Annotated[str, typer.Argument(help="What `export --raw` wrote; - reads standard input.", metavar="FILE")],
) -> None:
    """Take events of another Hookwright, with their ids and times; their actions are applied anew.

    They queue behind live traffic. What is known already is skipped: an import that was cut off is done again.
    A wrong line is named and left out; then the exit status is 1.
    """
    with _opened(path) as (file, size), progress("reading", size, is_shown=size > 0) as bar:
        report = operate(lambda op: _read_all(op, file, bar))
    for number, why in report.faults[:FAULTS_PRINTED_MAX]:
        complain(f"line {number}: {why}")
    if report.faulty > FAULTS_PRINTED_MAX:
        complain(f"… and {report.faulty - FAULTS_PRINTED_MAX} more")
    typer.echo(
        f"{report.queued} events are queued, {report.known} were known, {report.faulty} lines are left out "
        f"of {report.lines}; watch them with: hookwright queue status"
    )
    if report.faulty:
        raise typer.Exit(1)


async def _read_all(op: "Operator", file: BinaryIO, bar: Bar) -> "Report":
    from gateway.operations.importing import Report, import_events

    report = Report()
    reports: AsyncIterator[Report] = import_events(op, file)
    async for report in reports:
        bar.reach(report.bytes_read)
    return report


@contextmanager
def _opened(path: str) -> "Iterator[tuple[BinaryIO, int]]":
    """Open a file, and say how large it is: 0 where nobody knows."""
    if path == "-":
        yield sys.stdin.buffer, 0
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - what goes wrong inside the block is another matter
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield file, Path(path).stat().st_size
