"""Contacts: what is known of a person, all of it for who asks, and forgetting them."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.arguments import AsJson, parse_identifier
from gateway.cli.output import note, show_fields, show_json
from gateway.cli.session import operate

if TYPE_CHECKING:
    from gateway.operations.operator import Operator

app = typer.Typer(no_args_is_help=True, help="Look at what is known of a person; export it, or erase it.")

Identifier = Annotated[
    str, typer.Argument(help="Such as email:ann@example.com or shopify_id:207119551.", metavar="KEY:VALUE")
]
# A minute. Longer only with a large database or a long queue, and then it goes on by itself.
LOOKS, LOOK_SECONDS = 300, 0.2


@app.command()
def show(identifier: Identifier, as_json: AsJson = False) -> None:
    """Show a contact: identifiers, attributes, lists, orders, cart, supplements, activities."""
    from gateway.operations.events import load_contact

    key, value = parse_identifier(identifier)
    contact = operate(lambda op: load_contact(op, key, value))
    if as_json:
        show_json(contact)
    else:
        show_fields(contact)


@app.command()
def export(identifier: Identifier) -> None:
    """Write all that is known of a person as JSON: contact, every effect, every event with its request."""
    from gateway.operations.erasure import export_person

    key, value = parse_identifier(identifier)
    show_json(operate(lambda op: export_person(op, key, value)))


@app.command()
def erase(
    identifier: Identifier,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a person: contact, effects, raw requests, actions, logs. It cannot be undone.

    What comes late and happened before is dropped, by replay or import too; what happens from now on counts anew.
    """
    from gateway.operations.erasure import describe_person

    key, value = parse_identifier(identifier)
    found = operate(lambda op: describe_person(op, key, value))
    if not is_sure:
        typer.confirm(f"{_described(identifier, found)} Erase it all, for good?", abort=True)
    erasure_id, done = operate(lambda op: _erase(op, key, value))
    if done is None:
        note(f"erasure {erasure_id} goes on in the worker; the audit log tells when it is done")
        return
    typer.echo(
        f"erased: {done['contacts']} contacts, {done['effects']} effects; {done['events']} events are emptied "
        f"({erasure_id})"
    )


def _described(identifier: str, found: dict[str, Any]) -> str:
    if not found["is_known"]:
        return f"No contact has {identifier}; what came in is searched for it."
    return (
        f"{identifier} is known by {', '.join(found['identifiers'])}: "
        f"{found['effects']} effects of {found['events']} events."
    )


async def _erase(op: "Operator", key: str, value: str) -> tuple[str, dict[str, Any] | None]:
    from gateway.operations.erasure import erase_person, find_erasure

    erasure_id = await erase_person(op, key, value)
    for _ in range(LOOKS):
        if (done := await find_erasure(op, erasure_id)) is not None:
            return erasure_id, done
        await asyncio.sleep(LOOK_SECONDS)
    return erasure_id, None
