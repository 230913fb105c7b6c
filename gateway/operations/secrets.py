"""Secrets: set one, rotate it, name them, seal them anew. Values go in and are sealed; they are never shown."""

from typing import Any

from gateway import clock
from gateway.errors import NotFound, OperatorError
from gateway.operations.operator import Operator
from gateway.seal import Sealer
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.secrets import delete_secret, find_secret, load_all_secrets, update_secret, write_secret
from gateway.store.secrets import list_secrets as read_secrets
from gateway.store.sources import load_source

NAME_CHARACTERS_MAX = 64
VALUE_CHARACTERS_MAX = 16 * 1024
# How long a sender may go on signing with the value from before a rotation.
GRACE_MICROSECONDS = 24 * 3600 * 1_000_000


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


async def rotate_secret(op: Operator, source: str, name: str, value: str) -> str | None:
    """Give a secret a new value; what is signed with the old one is taken for 24 hours more. Gives until when.

    Raises NotFound for a secret that is not set, OperatorError for a value that is empty or the same.
    """
    row = seal_row(op.sealer, source, name, value)
    at = row["changed_at"]
    until = at + GRACE_MICROSECONDS

    def work(conn: Connection) -> None:
        load_source(conn, source)
        before = find_secret(conn, source, name)
        if before is None:
            raise NotFound(f'secret "{name}" is not set, so there is none to rotate: hookwright secrets set')
        if op.sealer.unseal(before["sealed_blob"], source, name) == op.sealer.unseal(row["sealed_blob"], source, name):
            raise OperatorError(f'secret "{name}" has that value already')
        rotated = {"previous_blob": before["sealed_blob"], "previous_until": until, "rotated_at": at}
        update_secret(conn, source, name, sealed_blob=row["sealed_blob"], changed_at=at, **rotated)
        told = {"name": name, "previous_until": clock.iso(until)}
        write_audit(conn, at=at, actor=op.actor, operation="secret.rotate", subject=source, after=told)

    await op.publish(work)
    return clock.iso(until)


async def remove_secret(op: Operator, source: str, name: str) -> None:
    """Take a secret away: a script that reads it fails from now on. Raises NotFound."""

    def work(conn: Connection) -> None:
        load_source(conn, source)
        if not delete_secret(conn, source, name):
            raise NotFound(f'secret "{name}" is not set')
        told = {"name": name}
        write_audit(conn, at=clock.now(), actor=op.actor, operation="secret.remove", subject=source, before=told)

    await op.publish(work)


async def reseal_secrets(op: Operator) -> int:
    """Seal every secret with the first of the listed keys, so that the others can be dropped; gives how many.

    Raises BadSetting, having changed nothing, where no listed key opens one of them.
    """

    def work(conn: Connection) -> int:
        rows = load_all_secrets(conn)
        for row in rows:
            blobs = {part: _resealed(op.sealer, row, part) for part in ("sealed_blob", "previous_blob") if row[part]}
            update_secret(conn, row["source"], row["name"], **blobs)
        told = {"count": len(rows)}
        write_audit(conn, at=clock.now(), actor=op.actor, operation="secret.reseal", subject="every source", after=told)
        return len(rows)

    return await op.publish(work)


def _resealed(sealer: Sealer, row: dict[str, Any], part: str) -> bytes:
    return sealer.seal(sealer.unseal(row[part], row["source"], row["name"]), row["source"], row["name"])


async def list_secrets(op: Operator, source: str) -> list[dict[str, Any]]:
    """Give `{name, changed_at, age_days, rotated_at, previous_until}` of each; never a value."""

    def work(conn: Connection) -> list[dict[str, Any]]:
        load_source(conn, source)
        return [_document(row, clock.now()) for row in read_secrets(conn, source)]

    return await op.read(work)


def _document(row: dict[str, Any], now: int) -> dict[str, Any]:
    until = row["previous_until"]
    return {
        "name": row["name"],
        "changed_at": clock.iso(row["changed_at"]),
        "age_days": (now - row["changed_at"]) // (24 * 3600 * 1_000_000),
        "rotated_at": clock.iso(row["rotated_at"]),
        "previous_until": clock.iso(until) if until is not None and until > now else None,
    }


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
