"""Door: who calls, where no gateway holds the keys in memory.

Asked of the database, so that a revoked key is none at once; what is no key of ours by its looks never gets there.
"""

from hashlib import sha256
from typing import Protocol

from starlette.requests import Request

from gateway.access import KEY_PREFIX, find_presented_key, require_role
from gateway.operations.keys import find_key
from gateway.operations.operator import Operator
from gateway.queue.uses import KeyUses
from gateway.registry import Key


class Doorkeeper(Protocol):
    """Who lets callers in: here, or in front of a gateway's own API."""

    async def enter(self, request: Request, roles: frozenset[str]) -> Key:
        """Give the caller's key. Raises NotGenuine, Forbidden."""


class KeyDoor:
    def __init__(self, op: Operator) -> None:
        self._op, self._uses = op, KeyUses(op.redis)

    async def enter(self, request: Request, roles: frozenset[str]) -> Key:
        """Give the caller's key. Raises NotGenuine, Forbidden."""
        presented = find_presented_key(request.scope["headers"])
        is_ours = presented is not None and presented.startswith(KEY_PREFIX)
        key = await find_key(self._op, sha256(str(presented).encode()).hexdigest()) if is_ours else None
        if key is not None:
            self._uses.note(key.id)
        return require_role(presented, key, roles)
