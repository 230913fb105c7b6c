"""Secrets: set one, name them. Values go in and are sealed; they are never shown."""

from typing import Any

from gateway import clock
from gateway.errors import NotFound, OperatorError
from gateway.operations.operator import Operator
from gateway.seal import Sealer
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.secrets import find_secret, write_secret
from gateway.store.secrets import list_secrets as read_secrets
from gateway.store.sources import load_source

NAME_CHARACTERS_MAX = 64
VALUE_CHARACTERS_MAX = 16 * 1024


async def set_secret(op: Operator, source: str, name: str, value: str) -> None:
    """Seal a value under a name of the source. Raises OperatorError for an empty one, NotFound for the source."""
    row = seal_row(op.sealer, source, name, value)

    def work(conn: Connection) -> None:
        load_source(conn, source)
        is_new = find_secret(conn, source, name) is None
        write_secret(conn, row)
        operation = "secret.set" if is_new else "secret.replace"
        write_audit(
            conn, at=row["changed_at"], actor=op.actor, operation=operation, subject=source, after={"name": name}
        )

    await op.publish(work)


async def list_secrets(op: Operator, source: str) -> list[dict[str, Any]]:
    def work(conn: Connection) -> list[dict[str, Any]]:
        load_source(conn, source)
        return [{"name": row["name"], "changed_at": clock.iso(row["changed_at"])} for row in read_secrets(conn, source)]

    return await op.read(work)


async def unseal_secret(op: Operator, source: str, name: str) -> str:
    """Open a secret, to sign a fixture with it as the sender would. Raises NotFound. For `send` alone."""
    row = await op.read(lambda conn: find_secret(conn, source, name))
    if row is None:
        raise NotFound(f'secret "{name}" is not set: hookwright secrets set {source} {name}')
    return op.sealer.unseal(row["sealed_blob"], source, name)


def seal_row(sealer: Sealer, source: str, name: str, value: str) -> dict[str, Any]:
    """Make a secret's row. One newline at the end is cut: a file or a pipe adds it."""
    value = value.removesuffix("\n").removesuffix("\r")
    if not name.isidentifier() or len(name) > NAME_CHARACTERS_MAX:
        raise OperatorError(f'"{name}" cannot name a secret: letters, digits and _, at most {NAME_CHARACTERS_MAX}')
    if not value.strip():
        raise OperatorError(f'secret "{name}" is empty: an empty secret would let everybody sign')
    if len(value) > VALUE_CHARACTERS_MAX:
        raise OperatorError(f'secret "{name}" is longer than {VALUE_CHARACTERS_MAX} characters')
    return {"source": source, "name": name, "sealed_blob": sealer.seal(value, source, name), "changed_at": clock.now()}
