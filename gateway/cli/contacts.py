"""Contacts: what is known of a person."""

from typing import Annotated

import typer

from gateway.cli.arguments import AsJson, parse_identifier
from gateway.cli.output import show_fields, show_json
from gateway.cli.session import operate

app = typer.Typer(no_args_is_help=True, help="Look at what is known of a person.")


@app.command()
def show(
    identifier: Annotated[
        str, typer.Argument(help="Such as email:ann@example.com or shopify_id:207119551.", metavar="KEY:VALUE")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a contact: identifiers, attributes, lists, orders, cart, supplements, activities."""
    from gateway.operations.events import load_contact

    key, value = parse_identifier(identifier)
    contact = operate(lambda op: load_contact(op, key, value))
    if as_json:
        show_json(contact)
    else:
        show_fields(contact)
