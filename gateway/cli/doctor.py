"""Doctor: is this machine, and what runs on it, as it should be?

Takes nothing but the settings; prints a line for each thing that was looked at: ok, warning or fault, what was
found, and the way out. Exit status 1 where there is a fault. Works before anything was ever started, and for
any user; changes nothing. What is looked at is in `checks`.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import show_json

if TYPE_CHECKING:
    from gateway.cli.checks import Finding

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "fault": typer.colors.RED}
_NAME_WIDTH = 24


def doctor(as_json: AsJson = False) -> None:
    """Look at everything that Hookwright stands on: what is right, what is wrong, and the way out.

    Python, settings, data folder, disk, database, Redis, each layer of the sandbox, gateways, workers, plugins and
    sources. Ends with status 1 where something is at fault; a warning is none.
    """
    findings = asyncio.run(_examine(None if as_json else _print))
    if as_json:
        show_json([finding.document() for finding in findings])
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(1)


async def _examine(tell: "Callable[[Finding], None] | None") -> "list[Finding]":
    from gateway.cli.checks import examine
    from gateway.logs import configure_logs

    configure_logs("error", "auto", "cli")  # what goes wrong is a finding
    findings = []
    async for finding in examine():
        findings.append(finding)
        if tell is not None:
            tell(finding)
    return findings


def _print(finding: "Finding") -> None:
    state = typer.style(f"{finding.state:<8}", fg=_COLOURS[finding.state], bold=finding.state == "fault")
    typer.echo(f"{state} {finding.name:<{_NAME_WIDTH}} {finding.detail}")
    if finding.way_out:
        typer.echo(f"{'':<8} {'':<{_NAME_WIDTH}} → {finding.way_out}")
