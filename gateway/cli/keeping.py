"""Keeping: how long the raw requests of a source are kept, and what of them nobody is shown."""

from typing import Annotated

import typer

from gateway.cli.arguments import AsJson, SourceName
from gateway.cli.output import show_fields, show_json
from gateway.cli.session import operate


def redact(
    name: SourceName,
    header: Annotated[list[str] | None, typer.Option(help="A header to mask (repeatable).", metavar="NAME")] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(help="A place in the body to mask, such as customer.email (repeatable).", metavar="PATH"),
    ] = None,
    is_cleared: Annotated[bool, typer.Option("--clear", help="Begin with no rules.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is masked in the requests of a source, or mask more: wherever they are shown and exported.

    A path is dotted: [bold]line_items.*.name[/bold] is any item, [bold]line_items.0.name[/bold] the first,
    [bold]**.phone[/bold] any depth. What is stored stays whole, for replays. Signatures, cookies and
    credentials are always masked.
    """
    from gateway.operations.keeping import redact_source

    rules = operate(lambda op: redact_source(op, name, headers=header or [], paths=path or [], is_cleared=is_cleared))
    if as_json:
        show_json(rules)
    else:
        show_fields(rules)


def retain(
    name: SourceName,
    days: Annotated[int | None, typer.Option(help="That many days.", show_default=False)] = None,
    is_usual: Annotated[bool, typer.Option("--usual", help="As HOOKWRIGHT_RETENTION_DAYS says.")] = False,
) -> None:
    """Keep the raw requests, logs and traces of a source longer or shorter than those of the others."""
    from gateway.operations.keeping import retain_source

    if (days is None) != is_usual:
        raise typer.BadParameter("name --days, or --usual: one of the two")
    operate(lambda op: retain_source(op, name, days))
    typer.echo(f"raw requests of {name} are kept {'as long as all' if days is None else f'{days} days'}")
