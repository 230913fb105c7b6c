"""Scripts: check a file, push it as a version, publish a version, look back. Trying is in a module of its own."""

import asyncio
from typing import Annotated

import typer

from gateway.cli.arguments import AsJson, ScriptFile, SourceName, read_script
from gateway.cli.output import show_json, show_rows
from gateway.cli.session import operate, settings_of_shell
from gateway.cli.trying import compare, diff, try_

app = typer.Typer(no_args_is_help=True, help="Check, try, push and publish the scripts of sources.")
app.command("try")(try_)
app.command("diff")(diff)
app.command("compare")(compare)


@app.command()
def check(file: ScriptFile, as_json: AsJson = False) -> None:
    """Check a script without keeping it. Prints FILE:LINE:COLUMN: what is wrong; exit code 1 if anything is."""
    text = read_script(file)
    from gateway.operations.scripts import check_script

    checked = asyncio.run(check_script(settings_of_shell(), text))
    problems = [{"line": p.line, "column": p.column, "message": p.message} for p in checked.problems]
    if as_json:
        show_json({"file": str(file), "problems": problems, "has_authenticate": checked.has_authenticate})
    else:
        for problem in checked.problems:
            typer.echo(f"{file}:{problem.line}:{problem.column}: {problem.message}")
    if problems:
        raise typer.Exit(1)
    if not as_json:
        who = "its authenticate decides" if checked.has_authenticate else "senders need an API key of the source"
        typer.echo(f"{file}: good; who may post: {who}")


@app.command()
def push(
    source: SourceName,
    file: ScriptFile,
    is_published: Annotated[bool, typer.Option("--publish", help="Make it live at once.")] = False,
    note: Annotated[str, typer.Option(help="What changed, for the log of versions.")] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a script as a new version of a source. A script that is refused leaves the live one running."""
    text = read_script(file)
    from gateway.operations.scripts import push_script

    version = operate(lambda op: push_script(op, source, text, note=note, is_published=is_published))
    if as_json:
        show_json(version)
    elif is_published:
        typer.echo(f"version {version['number']} of {source} is live ({version['id']})")
    else:
        number = version["number"]
        typer.echo(f"version {number} of {source} is kept ({version['id']}); make it live with:")
        typer.echo(f"  hookwright scripts publish {source} {number}")


@app.command()
def publish(
    source: SourceName,
    version: Annotated[str, typer.Argument(help="Its number, or its id (ver_…).")],
    as_json: AsJson = False,
) -> None:
    """Make a version live in every running gateway; an older one is a roll-back."""
    from gateway.operations.scripts import publish_version

    published = operate(lambda op: publish_version(op, source, version))
    if as_json:
        show_json(published)
    else:
        typer.echo(f"version {published['number']} of {source} is live ({published['id']})")


@app.command()
def log(source: SourceName, as_json: AsJson = False) -> None:
    """List the versions of a source's script: who pushed what, and when it was live."""
    from gateway.operations.scripts import list_versions

    rows = operate(lambda op: list_versions(op, source))
    if as_json:
        show_json(rows)
    else:
        columns = ["number", "id", "is_live", "author", "created_at", "published_at", "note"]
        show_rows(rows, columns, empty=f"{source} has no script yet: hookwright scripts push {source} FILE --publish")
