"""Plugins: the ready-made sources that come with Hookwright."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import out, show_fields, show_json, show_rows

if TYPE_CHECKING:
    from gateway.plugins import Plugin

app = typer.Typer(no_args_is_help=True, help="Look at the ready-made sources that come with Hookwright.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the plugins: name, what it takes, its fixtures."""
    from gateway.plugins import list_plugins, load_plugin

    rows = [_describe(load_plugin(name)) for name in list_plugins()]
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ["name", "title", "description"], empty="there are no plugins")


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of the plugin.")], as_json: AsJson = False) -> None:
    """Show a plugin: secrets, settings, fixtures, and its guide."""
    from rich.markdown import Markdown

    from gateway.plugins import load_plugin

    plugin = load_plugin(name)
    if as_json:
        show_json({**_describe(plugin), "guide": plugin.guide, "script": plugin.script})
        return
    show_fields(_describe(plugin))
    console = out()
    console.print()
    # A pipe gets the text as it was written, a terminal the text as it was meant.
    console.print(Markdown(plugin.guide) if console.is_terminal else plugin.guide, markup=False)


def _describe(plugin: "Plugin") -> dict[str, Any]:
    manifest = plugin.manifest
    return {
        "name": plugin.name,
        "title": manifest.title,
        "description": manifest.description,
        "docs": manifest.docs,
        "unique_by": manifest.unique_by,
        "occurred_at": manifest.occurred_at,
        "secrets": [secret.model_dump() for secret in manifest.secrets],
        "settings": [setting.model_dump() for setting in manifest.settings],
        "fixtures": [fixture.name for fixture in plugin.fixtures],
        "default_fixture": manifest.default_fixture,
    }
