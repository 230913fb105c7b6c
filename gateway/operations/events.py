"""Events and contacts, read: what came in, what became of it, what is known of a person."""

from typing import Any

from gateway.actions.fields import canonical_identifier_key, normalise_identifier
from gateway.errors import Ambiguous, BadRequest, NotFound, OperatorError
from gateway.event import Status
from gateway.operations.operator import Operator
from gateway.operations.redaction import Rules
from gateway.operations.requests import load_rules, mask_kept
from gateway.queue.kept import Kind, list_kept
from gateway.queue.pending import find_pending
from gateway.store.contacts import find_contact
from gateway.store.engine import Connection
from gateway.store.events import list_events as read_events
from gateway.store.events import load_event as read_event
from gateway.store.orders import find_orders
from gateway.store.sources import load_source


async def list_events(
    op: Operator,
    *,
    source: str | None = None,
    status: str | None = None,
    since: int | None = None,
    limit: int = 50,
    before_id: str | None = None,
) -> list[dict[str, Any]]:
    """Give events, newest first; `since` in microseconds; `before_id` continues a page."""
    check_status(status)
    return await op.read(
        lambda conn: read_events(conn, source=source, status=status, since=since, limit=limit, before_id=before_id)
    )


async def load_event(op: Operator, event_id: str) -> dict[str, Any]:
    """Give an event, also one that still waits in the queue. Raises NotFound."""
    # Asked a second time: between the two looks it may have gone from the queue to the database.
    for look in (_find_stored, _find_queued, _find_stored):
        if found := await look(op, event_id):
            return found
    raise NotFound(f"there is no event {event_id}")


async def _find_stored(op: Operator, event_id: str) -> dict[str, Any] | None:
    found = await op.read(lambda conn: read_event(conn, event_id))
    return found and {name: value for name, value in found.items() if name != "received_us"}


async def _find_queued(op: Operator, event_id: str) -> dict[str, Any] | None:
    return await find_pending(op.redis, event_id)


async def load_contact(op: Operator, key: str, value: str) -> dict[str, Any]:
    """Give all that is known of the contact with this identifier. Raises NotFound, BadRequest."""
    canonical = canonical_identifier_key(key)
    try:
        stored = normalise_identifier(canonical, value) or ""
    except ValueError as error:
        raise BadRequest(str(error)) from None
    found = await op.read(lambda conn: find_contact(conn, canonical, stored))
    if found is None:
        raise NotFound(f"there is no contact with {key} {value}")
    return found


async def load_order(op: Operator, order_id: str, origin: str | None) -> dict[str, Any]:
    """Give one order. Raises NotFound, or Ambiguous where several origins have an order of that id."""
    found = await op.read(lambda conn: find_orders(conn, order_id, origin))
    if not found:
        raise NotFound(f"there is no order {order_id}" + (f" of origin {origin}" if origin else ""))
    if len(found) > 1:
        origins = ", ".join(order["origin"] for order in found)
        raise Ambiguous(f"several origins have an order {order_id}: add ?origin= one of {origins}")
    return found[0]


def check_status(status: str | None) -> None:
    if status is not None and status not in tuple(Status):
        raise OperatorError(f'there is no status "{status}": {", ".join(Status)}')


async def list_rejected(op: Operator, source: str, limit: int = 50) -> list[dict[str, Any]]:
    """Give the newest requests of a source that were not genuine, or whose authenticate broke, with the reason.

    Masked as its events are.
    """
    return await _list_kept(op, "rejected", source, limit)


async def list_samples(op: Operator, source: str, limit: int = 50) -> list[dict[str, Any]]:
    """Give the newest requests that came to a source while it had no script, masked as its events are."""
    return await _list_kept(op, "sample", source, limit)


async def _list_kept(op: Operator, kind: Kind, source: str, limit: int) -> list[dict[str, Any]]:
    def work(conn: Connection) -> Rules:
        load_source(conn, source)
        return load_rules(conn, source)

    rules = await op.read(work)
    return [mask_kept(entry, rules) for entry in await list_kept(op.redis, kind, source, limit)]
