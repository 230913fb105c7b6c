"""Output: how the CLI shows things.

Data goes to standard output, everything about it (progress, notes, errors) to standard error, so that a
pipe holds data alone. Off a terminal a table has neither frame nor colour, and nothing is ever cut short.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

# Wider than any row: off a terminal rich would fold at 80 columns, and `grep` would miss half a line.
_PIPE_WIDTH = 10_000

_STATUS_STYLES = {
    "applied": "green",
    "live": "green",
    "queued": "cyan",
    "waiting": "yellow",
    "held": "yellow",
    "paused": "yellow",
    "failed": "red",
    "disabled": "red",
}


def out() -> Console:
    """Give the console of standard output, as it is now: tests and pipes replace it."""
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    """Write one red line to standard error."""
    err().print(Text.assemble(("error: ", "bold red"), (text, "red")))


def warn(text: str) -> None:
    """Write one yellow line to standard error: it works, but not as it should."""
    err().print(Text.assemble(("warning: ", "bold yellow"), (text, "yellow")))


def note(text: str) -> None:
    """Say something about the data beside it, on standard error. `text` may hold rich markup."""
    err().print(text)


def show_json(value: Any) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Draw one row a dict, the named columns. `empty` is said on standard error where there is none."""
    if not rows:
        note(f"[dim]{escape(empty)}[/dim]")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    _draw(table)


def show_fields(fields: Mapping[str, Any]) -> None:
    """Draw one thing, a line a field; lists and objects as indented JSON."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name.replace("_", " "), _cell(value, is_wide=True))
    _draw(table)


def _draw(table: Table) -> None:
    console = out()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    # rich fills every line up to the widest one
    for line in drawn.get().splitlines():
        typer.echo(line.rstrip())


def _cell(value: Any, *, is_wide: bool = False) -> Text:
    if value is None or value in ([], {}, ""):
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if is_wide and _is_nested(value):
        return Text(visible(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()))
    if isinstance(value, (list, tuple)):
        return Text(visible(", ".join(map(str, value))))
    if isinstance(value, dict):
        return Text(visible(orjson.dumps(value).decode()))
    return Text(visible(str(value)), style=_STATUS_STYLES.get(str(value), ""))


def visible(text: str) -> str:
    """Write control characters so that they are seen: a sender's text is nothing for a terminal to obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value))


@contextmanager
def progress(title: str, total: int, *, is_shown: bool = True) -> Iterator["Bar"]:
    """Show a progress bar on standard error while the block runs; nothing off a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not (is_shown and console.is_terminal)) as shown:
        task = shown.add_task(escape(title), total=total)
        yield Bar(lambda done: shown.update(task, completed=done))


class Bar:
    """A progress bar that is told how much is done in all."""

    def __init__(self, update: Any) -> None:
        self._update = update

    def reach(self, done: int) -> None:
        self._update(done)
