"""Keys: API keys for those who post actions, read events or manage sources."""

from enum import StrEnum
from typing import Annotated

import typer

from gateway.cli.arguments import AsJson
from gateway.cli.output import note, show_json, show_rows, warn
from gateway.cli.session import operate

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys; show the secret that signs alerts.")


class Role(StrEnum):
    SENDER = "sender"
    VIEWER = "viewer"
    INTEGRATOR = "integrator"
    ADMIN = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses it, and where.")],
    role: Annotated[
        Role,
        typer.Option(
            help="sender posts; viewer reads; integrator also scripts, secrets, pause, replay; admin everything.",
        ),
    ],
    source: Annotated[
        list[str] | None, typer.Option(help="Only for this source (repeatable); default: every source.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it: now, and never again. Standard output holds the key alone."""
    from gateway.operations.keys import create_key

    key = operate(lambda op: create_key(op, name, role.value, source or []))
    if as_json:
        show_json(key)
        return
    reach = ", ".join(key["sources"]) or "every source"
    note(f"[dim]{key['id']}: {role} of {reach}. This is the only time that the key is shown:[/dim]")
    typer.echo(key["key"])


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all keys and when each was used last (to the minute), never the keys themselves."""
    from gateway.operations.keys import list_keys

    rows = operate(list_keys)
    if as_json:
        show_json(rows)
    else:
        columns = ["id", "name", "role", "sources", "created_at", "last_used_at", "revoked_at"]
        if not all(row["is_use_known"] for row in rows):
            warn("the queue does not answer: when keys were used last is not known")
        show_rows(rows, columns, empty="there are no keys yet: hookwright keys create --name N --role sender")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key (key_…).", metavar="KEY_ID")]) -> None:
    """End a key: every running gateway refuses it within a second."""
    from gateway.operations.keys import revoke_key

    operate(lambda op: revoke_key(op, key_id))
    typer.echo(f"{key_id} is revoked")


@app.command("alert-secret")
def alert_secret() -> None:
    """Show the secret by which the receiver of HOOKWRIGHT_ALERT_URL checks alerts (Standard Webhooks)."""
    from gateway.operations.alerts import show_alert_secret

    typer.echo(operate(show_alert_secret))
