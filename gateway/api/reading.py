"""Reading: what became of an event, what is known of a contact, what an order says."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from gateway.access import MAY_READ, MAY_READ_STATUS
from gateway.api.management.door import Doorkeeper
from gateway.errors import BadRequest, Forbidden, NotFound
from gateway.ingest import respond
from gateway.ingest.respond import Answer
from gateway.operations.events import load_contact, load_event, load_order
from gateway.operations.operator import Operator
from gateway.registry import Key

# What a sender may know of its own event: how it stands, not what the script made of it.
STATUS_FIELDS = ("id", "status", "source", "reason", "received_at", "applied_at")


@dataclass(frozen=True, slots=True)
class Reading:
    op: Operator
    door: Doorkeeper

    async def event(self, request: Request, request_id: str) -> Answer:
        """Give an event: status, actions, the failing action and why, script version, attempts, times."""
        key, event_id = await self.door.enter(request, MAY_READ_STATUS), request.path_params["event_id"]
        event = await load_event(self.op, event_id)
        if not _is_for(key, event):
            raise NotFound(f"there is no event {event_id}")  # as of an unknown one: whoever guesses ids learns nothing
        if key.role == "sender":
            event = {name: event.get(name) for name in STATUS_FIELDS}
        return respond.document(200, event, request_id)

    async def contact(self, request: Request, request_id: str) -> Answer:
        """Give all that is known of a contact, asked for by `<key>:<value>`."""
        await self._enter_for_all(request)
        key, colon, value = request.path_params["identifier"].partition(":")
        if not colon or not key or not value:
            raise BadRequest("a contact is asked for by key and value: /api/contacts/email:a@example.com")
        return respond.document(200, await load_contact(self.op, key, value), request_id)

    async def order(self, request: Request, request_id: str) -> Answer:
        """Give an order; `?origin=` where two origins have one of that id (409 otherwise)."""
        await self._enter_for_all(request)
        origin = request.query_params.get("origin")
        return respond.document(200, await load_order(self.op, request.path_params["order_id"], origin), request_id)

    async def _enter_for_all(self, request: Request) -> None:
        """Let in who reaches every source: what is known of a person comes from all of them."""
        if (await self.door.enter(request, MAY_READ)).sources:
            raise Forbidden("contacts and orders come of every source, and this key reaches some")


def _is_for(key: Key, event: dict[str, Any]) -> bool:
    """Tell whether a key may know of an event: one that it posted, else one of a source that it reaches.

    A sender reaches no more than the sources that it is limited to. Of a replay that waits nobody knows the source yet.
    """
    if event.get("key_id") == key.id:
        return True
    source = event.get("source")
    return source in key.sources if key.role == "sender" else source is None or key.reaches(source)
