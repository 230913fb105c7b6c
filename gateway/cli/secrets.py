"""Secrets: values that scripts read. They go in here and never come out again."""

import sys
from typing import Annotated

import typer

from gateway.cli.arguments import AsJson, SourceName
from gateway.cli.output import show_json, show_rows
from gateway.cli.session import operate
from gateway.errors import OperatorError

app = typer.Typer(
    no_args_is_help=True, help="Set and rotate the secrets of sources, such as the key that a sender signs with."
)


@app.command("set")
def set_(
    source: SourceName,
    name: Annotated[str, typer.Argument(help="The name by which the script reads it, such as signing_secret.")],
) -> None:
    """Set a secret, asked for without echo; or piped: [bold]printf %s "$KEY" | hookwright secrets set …[/bold].

    One newline at the end is cut. It is sealed at rest and never shown again.
    """
    from gateway.operations.secrets import set_secret

    value = _read_value(name)
    operate(lambda op: set_secret(op, source, name, value))
    typer.echo(f"secret {name} of {source} is set")


@app.command()
def rotate(
    source: SourceName,
    name: Annotated[str, typer.Argument(help="The name of a secret that is set.")],
) -> None:
    """Give a secret a new value; what is signed with the old one is taken for 24 hours more.

    Asked for or piped as by `set`. Scripts see the new value; who is refused with it is tried with the old one.
    """
    from gateway.operations.secrets import rotate_secret

    value = _read_value(name)
    until = operate(lambda op: rotate_secret(op, source, name, value))
    typer.echo(f"secret {name} of {source} is rotated; the old value counts until {until}")


@app.command()
def reseal() -> None:
    """Seal every secret with the first key of HOOKWRIGHT_SECRET_KEY: then the keys behind it can be dropped."""
    from gateway.operations.secrets import reseal_secrets

    count = operate(reseal_secrets)
    typer.echo(f"{count} secrets are sealed with the first key")


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        value = typer.prompt(f"Value of {name}", hide_input=True, default="", show_default=False)
    else:
        value = sys.stdin.read()
    value = str(value).removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise OperatorError("the secret is empty: with an empty one everybody could sign")
    return value


@app.command("list")
def list_(source: SourceName, as_json: AsJson = False) -> None:
    """List the names of a source's secrets, how old they are and when they were rotated; never their values."""
    from gateway.operations.secrets import list_secrets

    rows = operate(lambda op: list_secrets(op, source))
    if as_json:
        show_json(rows)
    else:
        empty = f"{source} has no secrets: hookwright secrets set {source} signing_secret"
        show_rows(rows, ["name", "age_days", "changed_at", "rotated_at", "previous_until"], empty=empty)
