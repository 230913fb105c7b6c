"""Users: the people of the console. They come in by a one-time link, and set their own password there."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import note, show_json, show_rows
from gateway.cli.session import operate

if TYPE_CHECKING:
    from gateway.operations.operator import Operator

app = typer.Typer(no_args_is_help=True, help="Add, list and remove people of the console; give them links and roles.")

Email = Annotated[str, typer.Argument(help="E-mail address of the person, or their id.", metavar="EMAIL")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only for this source (repeatable); default: every source.")
]


class Role(StrEnum):
    VIEWER = "viewer"
    INTEGRATOR = "integrator"
    ADMIN = "admin"


@app.command()
def add(
    email: Email,
    role: Annotated[Role, typer.Option(help="viewer reads; integrator also scripts, secrets, replay; admin the rest.")],
    source: Sources = None,
    as_json: AsJson = False,
) -> None:
    """Add a person and print the link by which they come in: it works once, for an hour."""
    from gateway.operations.users import add_user

    async def act(op: "Operator") -> dict[str, object]:
        user = await add_user(op, email, role.value, source or [])
        return {"link": _address(op, user.pop("link_token")), **user}

    user = operate(act)
    if as_json:
        show_json(user)
    else:
        _print_link(str(user["link"]))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all people."""
    from gateway.operations.users import list_users

    rows = operate(list_users)
    if as_json:
        show_json(rows)
    else:
        columns = ["email", "name", "role", "sources", "state", "created_at", "id"]
        show_rows(rows, columns, empty="there are no people yet: hookwright users add EMAIL --role admin")


@app.command()
def link(email: Email) -> None:
    """Print a new link for a person: to set a password, once, within an hour. Earlier links end."""
    from gateway.operations.users import create_link

    async def act(op: "Operator") -> str:
        return _address(op, await create_link(op, email))

    _print_link(operate(act))


@app.command()
def role(email: Email, role: Annotated[Role, typer.Argument(help="The new role.")], source: Sources = None) -> None:
    """Change what a person may do, and for which sources."""
    from gateway.operations.users import change_role

    operate(lambda op: change_role(op, email, role.value, source or []))
    reach = ", ".join(source or []) or "every source"
    typer.echo(f"{email} is {role.value} of {reach}")


@app.command()
def remove(email: Email) -> None:
    """Take a person away and sign them out everywhere. What they did stays in the audit log."""
    from gateway.operations.users import remove_user

    operate(lambda op: remove_user(op, email))
    typer.echo(f"{email} is removed")


def _address(op: "Operator", token: object) -> str:
    return f"{op.settings.effective_console_url}/welcome/{token}"


def _print_link(address: str) -> None:
    note("[dim]This link works once, within an hour:[/dim]")
    typer.echo(address)
