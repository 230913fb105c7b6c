"""Sources: who may post, where, and what becomes of it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson, SourceName, parse_setting
from gateway.cli.keeping import redact, retain
from gateway.cli.limits import limits
from gateway.cli.output import note, show_fields, show_json, show_rows
from gateway.cli.session import operate

if TYPE_CHECKING:
    from gateway.operations.operator import Operator

app = typer.Typer(no_args_is_help=True, help="Add, show, pause, disable and remove sources: the senders of webhooks.")
app.command()(limits)
app.command()(redact)
app.command()(retain)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all sources with their state and URL."""
    from gateway.operations.sources import list_sources

    rows = operate(list_sources)
    if as_json:
        show_json(rows)
    else:
        show_rows(
            rows,
            ["name", "plugin", "state", "url"],
            empty="there are no sources yet: hookwright sources add NAME --plugin P",
        )


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="1 to 64 of a-z, 0-9 and -. Never changed, never used again.")],
    plugin: Annotated[str | None, typer.Option(help="Take script and settings of this plugin: live at once.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the plugin, NAME=VALUE (repeatable).", metavar="NAME=VALUE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a source. With a plugin its script is live at once; without one it captures what comes in.

    Afterwards set its secrets: [bold]hookwright secrets set NAME signing_secret[/bold].
    """
    chosen = dict(parse_setting(text) for text in option or [])
    from gateway.operations.sources import add_source

    source = operate(lambda op: add_source(op, name, plugin=plugin, settings=chosen))
    _show(source, as_json)
    for secret in source.get("missing_secrets", []):
        note(f"still to do: [bold]hookwright secrets set {name} {secret}[/bold]")


@app.command()
def show(name: SourceName, as_json: AsJson = False) -> None:
    """Show a source: state, live version, settings, the names of its secrets, events by status."""
    from gateway.operations.sources import show_source

    _show(operate(lambda op: show_source(op, name)), as_json)


def _show(source: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(source)
    else:
        show_fields(source)


@app.command()
def pause(name: SourceName) -> None:
    """Keep what comes in without applying it, until the source is resumed. Senders notice nothing."""
    from gateway.operations.sources import pause_source

    _change(name, pause_source)
    typer.echo(f"{name} is paused: events are accepted and held; go on with: hookwright sources resume {name}")


@app.command()
def resume(name: SourceName) -> None:
    """Apply again; what was held is applied too, oldest first."""
    from gateway.operations.sources import resume_source

    taken = operate(lambda op: resume_source(op, name))
    typer.echo(f"{name} is live; {taken} held events are taken up")


@app.command()
def capture(
    name: SourceName,
    hours: Annotated[float, typer.Option(help="For so long.")] = 1,
    requests: Annotated[int, typer.Option(help="For so many requests at most.")] = 100,
    is_stopped: Annotated[bool, typer.Option("--stop", help="Go back to the script.")] = False,
) -> None:
    """Keep what comes in as samples and apply nothing, for a while. Senders hear 200; see `events samples`."""
    from gateway.operations.capturing import capture, stop_capture

    if is_stopped:
        operate(lambda op: stop_capture(op, name))
        typer.echo(f"{name} does not capture any more")
        return
    state = operate(lambda op: capture(op, name, hours=hours, requests=requests))
    typer.echo(f"{name} captures until {state['until']}, {state['requests']} requests at most; end it with --stop")


@app.command()
def disable(
    name: SourceName,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Answer 410 Gone from now on. Many senders unsubscribe a webhook that answers 410: pause keeps them."""
    from gateway.operations.sources import disable_source, show_source

    operate(lambda op: show_source(op, name))  # a wrong name is said before the question
    if not is_sure:
        typer.confirm(
            f"{name} will answer 410, and many senders unsubscribe a webhook then (pause does not). Disable it?",
            abort=True,
        )
    _change(name, disable_source)
    typer.echo(f"{name} is disabled; undo it with: hookwright sources enable {name}")


@app.command()
def enable(name: SourceName) -> None:
    """Take requests again after `disable`."""
    from gateway.operations.sources import enable_source

    _change(name, enable_source)
    typer.echo(f"{name} is live")


@app.command()
def remove(
    name: SourceName,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a source away for good: its URL is unknown, its events stay, its name is never used again."""
    from gateway.operations.sources import remove_source, show_source

    operate(lambda op: show_source(op, name))
    if not is_sure:
        typer.confirm(f"Remove {name}? Its name can never be used again.", abort=True)
    _change(name, remove_source)
    typer.echo(f"{name} is removed")


def _change(name: str, act: Callable[["Operator", str], Awaitable[object]]) -> None:
    operate(lambda op: act(op, name))
