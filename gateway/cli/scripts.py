"""Scripts: check a file, push it as a version, publish a version, look back. Trying is in a module of its own."""

import asyncio
from typing import Annotated, Any

import typer

from gateway.cli.arguments import AsJson, ScriptFile, SourceName, read_script
from gateway.cli.output import show_json, show_rows
from gateway.cli.remote import ConsoleUrl, KeyFile, console_at
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
    url: ConsoleUrl = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep a script as a new version of a source. A script that is refused leaves the live one running."""
    text = read_script(file)
    if url is not None:
        body = {"text": text, "note": note, "is_published": is_published}
        version = console_at(url, key_file).ask("POST", "sources", source, "versions", body=body)
    else:
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
    url: ConsoleUrl = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a version live in every running gateway; an older one is a roll-back."""
    if url is not None:
        published = console_at(url, key_file).ask("POST", "sources", source, "versions", version, "publish")
    else:
        from gateway.operations.scripts import publish_version

        published = operate(lambda op: publish_version(op, source, version))
    _say_live(published, as_json)


@app.command()
def rollback(source: SourceName, url: ConsoleUrl = None, key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Make the version live again that was live before this one; once more undoes it."""
    if url is not None:
        published = console_at(url, key_file).ask("POST", "sources", source, "rollback")
    else:
        from gateway.operations.scripts import roll_back

        published = operate(lambda op: roll_back(op, source))
    _say_live(published, as_json)


def _say_live(version: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(version)
    else:
        typer.echo(f"version {version['number']} of {version['source']} is live ({version['id']})")


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
