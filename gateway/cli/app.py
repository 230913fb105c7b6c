"""App: the tree of commands of `hookwright`."""

from typing import Annotated

import typer

from gateway.cli import (
    bulk,
    console,
    contacts,
    doctor,
    events,
    issues,
    keys,
    plugins,
    processes,
    queue,
    scripts,
    secrets,
    send,
    sources,
    up,
    users,
)
from gateway.cli.errors import ExplainingGroup

# No pretty tracebacks: they print local variables, and those hold secrets.
app = typer.Typer(
    cls=ExplainingGroup,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "A scriptable webhook gateway: third parties post to a source's URL, the source's own Python script says "
        "whether it is genuine and what it means, a worker applies that to a database.\n\n"
        "Begin with [bold]hookwright up --demo[/bold], then [bold]hookwright send demo-shopify[/bold] in another shell."
    ),
)

RUN, BUILD, WATCH = "Run", "Build a source", "See what happens"

app.command("up", rich_help_panel=RUN)(up.up)
app.command("gateway", rich_help_panel=RUN)(processes.gateway)
app.command("worker", rich_help_panel=RUN)(processes.worker)
app.command("console", rich_help_panel=RUN)(console.console)
app.command("migrate", rich_help_panel=RUN)(processes.migrate)

app.add_typer(sources.app, name="sources", rich_help_panel=BUILD)
app.add_typer(scripts.app, name="scripts", rich_help_panel=BUILD)
app.add_typer(secrets.app, name="secrets", rich_help_panel=BUILD)
app.add_typer(keys.app, name="keys", rich_help_panel=BUILD)
app.add_typer(users.app, name="users", rich_help_panel=BUILD)
app.add_typer(plugins.app, name="plugins", rich_help_panel=BUILD)
app.command("send", rich_help_panel=BUILD)(send.send)

app.add_typer(events.app, name="events", rich_help_panel=WATCH)
app.add_typer(issues.app, name="issues", rich_help_panel=WATCH)
app.add_typer(bulk.app, name="bulk", rich_help_panel=WATCH)
app.add_typer(contacts.app, name="contacts", rich_help_panel=WATCH)
app.add_typer(queue.app, name="queue", rich_help_panel=WATCH)
app.command("doctor", rich_help_panel=WATCH)(doctor.doctor)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"hookwright {version('hookwright')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
