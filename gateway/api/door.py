"""Door: who calls the API, may they, and how often.

Takes a request, gives the key it presents. Without one in force the caller is a stranger: counted, and past
the limit of its address told to come back later; a key in force opens the door from any address.
"""

from dataclasses import dataclass

from starlette.requests import Request

from gateway.access import require_key
from gateway.errors import HookwrightError, NotGenuine
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.rates import KEY
from gateway.ingest.receive import client_address
from gateway.metrics import NOBODY
from gateway.registry import Key


@dataclass(frozen=True, slots=True)
class Door:
    pipeline: Pipeline

    async def enter(self, request: Request, roles: frozenset[str]) -> Key:
        """Give the caller's key. Raises NotGenuine, Forbidden, TooMany."""
        try:
            key = require_key(self.pipeline.registry, request.scope["headers"], roles)
        except NotGenuine as error:
            self.note_stranger(request, error)
            raise
        if per_minute := self.pipeline.settings.key_requests_per_minute:
            await self.pipeline.rates.take(KEY, key.id, per_minute)
        return key

    def note_stranger(self, request: Request, error: HookwrightError) -> None:
        """Count a refusal. Raises TooMany in its place where that address was refused too often."""
        address = client_address(request.scope, self.pipeline.settings)
        if self.pipeline.strangers.is_watching:
            self.pipeline.strangers.require_room(address, NOBODY)
        self.pipeline.strangers.note_refusal(address, error)
