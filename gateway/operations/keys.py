"""Keys: API keys with a role and, if wanted, some sources only. The key itself is shown once."""

import secrets as random
from hashlib import sha256
from typing import Any

import orjson
from redis.exceptions import RedisError

from gateway import clock
from gateway.access import KEY_PREFIX
from gateway.errors import OperatorError
from gateway.ids import mint_key_id
from gateway.operations.operator import Operator
from gateway.queue.uses import read_key_uses
from gateway.registry import Key
from gateway.store.audit import write_audit
from gateway.store.engine import Connection
from gateway.store.keys import find_key as read_key
from gateway.store.keys import insert_key
from gateway.store.keys import list_keys as read_keys
from gateway.store.keys import revoke_key as write_revoked
from gateway.store.sources import load_source

KEY_BYTES = 32
ROLES = ("sender", "viewer", "integrator", "admin")


async def create_key(op: Operator, name: str, role: str, sources: list[str]) -> dict[str, Any]:
    """Make a key: `{id, name, role, sources, key}`, the last one here and never again."""
    if role not in ROLES:
        raise OperatorError(f'there is no role "{role}": {", ".join(ROLES)}')
    if not name.strip():
        raise OperatorError("a key wants a name: who uses it, and where")
    key = KEY_PREFIX + random.token_urlsafe(KEY_BYTES)
    key_id, at = mint_key_id(), clock.now()
    row = {
        "id": key_id,
        "name": name.strip(),
        "role": role,
        "sources": orjson.dumps(sources).decode(),
        "sha256": sha256(key.encode()).hexdigest(),
        "created_at": at,
    }

    def work(conn: Connection) -> None:
        for source in sources:
            load_source(conn, source)
        insert_key(conn, row)
        told = {"name": row["name"], "role": role, "sources": sources}
        write_audit(conn, at=at, actor=op.actor, operation="key.create", subject=key_id, after=told)

    await op.publish(work)
    return {"id": key_id, "name": row["name"], "role": role, "sources": sources, "key": key}


async def list_keys(op: Operator) -> list[dict[str, Any]]:
    """List all keys, also revoked ones. `last_used_at` is to the minute, null where no use was seen.

    Without Redis nobody knows: then `is_use_known` is false, and who takes keys away that nobody uses takes none.
    """
    uses = await _read_uses(op)
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "role": row["role"],
            "sources": orjson.loads(row["sources"]),
            "created_at": clock.iso(row["created_at"]),
            "revoked_at": clock.iso(row["revoked_at"]),
            "last_used_at": clock.iso((uses or {}).get(row["id"])),
            "is_use_known": uses is not None,
        }
        for row in await op.read(read_keys)
    ]


async def _read_uses(op: Operator) -> dict[str, int] | None:
    try:
        return await read_key_uses(op.redis)
    except (RedisError, OSError):
        return None


async def find_key(op: Operator, digest: str) -> Key | None:
    """Give the key in force whose SHA-256 this is."""
    row = await op.read(lambda conn: read_key(conn, digest))
    if row is None:
        return None
    return Key(row["id"], row["name"], row["role"], frozenset(orjson.loads(row["sources"])))


async def revoke_key(op: Operator, key_id: str) -> None:
    """End a key in every running gateway. Raises NotFound."""

    def work(conn: Connection) -> None:
        at = clock.now()
        write_revoked(conn, key_id, at)
        write_audit(conn, at=at, actor=op.actor, operation="key.revoke", subject=key_id)

    await op.publish(work)
