"""Limits: what one source may cost."""

from typing import Annotated

import typer

from gateway.cli.arguments import AsJson, SourceName, parse_setting
from gateway.cli.output import show_json, show_rows
from gateway.cli.session import operate


def limits(
    name: SourceName,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Give it a limit of its own (repeatable).", metavar="LIMIT=NUMBER"),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="Back to the usual one (repeatable).", metavar="LIMIT")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the limits of a source, or change them: CPU, memory, bodies, requests at work, the queue.

    For example [bold]hookwright sources limits shop --set body_bytes_max=10485760 --set transform_cpu_seconds=1[/bold].
    """
    from gateway.operations.limits import list_limits, set_limits

    values = dict(parse_setting(text) for text in set_ or [])
    if values or unset:
        rows = operate(lambda op: set_limits(op, name, values, unset=unset or []))
    else:
        rows = operate(lambda op: list_limits(op, name))
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ["limit", "value", "usual", "is_own", "meaning"], empty="there are no limits")
