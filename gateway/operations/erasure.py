"""Erasure: forget a person, or give all that is known of one. For admins alone.

Erasing is only asked for here; the worker does it (see `worker/erase`), in steps of the bulk lane, and writes an
audit row when it is done: the id of the erasure and how much went, never whom it was about. Saved fixtures, and
requests that were rejected or kept as samples (they go by themselves within seven days), are not searched.
"""

from typing import Any

import orjson

from gateway import clock
from gateway.actions.fields import canonical_identifier_key, normalise_identifier
from gateway.errors import BadRequest
from gateway.ids import mint_erasure_id, mint_event_id
from gateway.operations.events import load_contact
from gateway.operations.layout import show_body
from gateway.operations.operator import Operator
from gateway.operations.redaction import redact
from gateway.operations.requests import load_rules
from gateway.queue.parcel import Erase
from gateway.queue.retake import enqueue_erase
from gateway.store.audit import list_audit
from gateway.store.engine import Connection
from gateway.store.erasure import count_person, find_people
from gateway.store.identifiers import Identifier
from gateway.store.persons import load_person_effects, load_person_events
from gateway.store.requests import load_request


async def describe_person(op: Operator, key: str, value: str) -> dict[str, Any]:
    """Say what would go: `{identifiers, effects, events}`; of a person that no contact is known of, only requests."""
    named = _identifier(key, value)

    def work(conn: Connection) -> dict[str, Any]:
        contact_ids, held = find_people(conn, [named])
        identifiers = sorted(f"{key}:{value}" for key, value in held | {named})
        return {"is_known": bool(contact_ids), "identifiers": identifiers, **count_person(conn, contact_ids)}

    return await op.read(work)


async def erase_person(op: Operator, key: str, value: str) -> str:
    """Have the worker forget whoever has this identifier; gives the id of the erasure. Raises BadRequest."""
    erase = Erase(
        id=mint_erasure_id(),
        actor=op.actor,
        requested_at=clock.now(),
        until=mint_event_id(),
        identifiers=(_identifier(key, value),),
    )
    await enqueue_erase(op.redis, erase)
    return erase.id


async def find_erasure(op: Operator, erasure_id: str) -> dict[str, Any] | None:
    """Give `{contacts, effects, events}` of an erasure that is done, None while it is not."""
    rows = await op.read(lambda conn: list_audit(conn, operation="contact.erase", subject=erasure_id))
    return orjson.loads(rows[0]["after"]) if rows else None


async def export_person(op: Operator, key: str, value: str) -> dict[str, Any]:
    """Give all that is known of a person: the contact, every effect, every event. Raises NotFound, BadRequest.

    The raw request stands beside an event that tells of nobody else, credentials masked.
    """
    named = _identifier(key, value)
    contact = await load_contact(op, key, value)

    def work(conn: Connection) -> dict[str, Any]:
        contact_ids, _ = find_people(conn, [named])
        effects = load_person_effects(conn, contact_ids)
        events = load_person_events(conn, contact_ids)
        for event in events:
            event["request"] = None if event.pop("tells_of_others") else _show_request(conn, event)
        return {"contact": contact, "effects": effects, "events": events, "exported_at": clock.iso(clock.now())}

    return await op.read(work)


def _show_request(conn: Connection, event: dict[str, Any]) -> dict[str, Any] | None:
    stored = load_request(conn, event["id"])
    if stored is None:
        return None
    redacted = redact(*stored, load_rules(conn, event["source"]))
    return {"head": redacted.head, "body": show_body(redacted.body)}


def _identifier(key: str, value: str) -> Identifier:
    canonical = canonical_identifier_key(key)
    try:
        stored = normalise_identifier(canonical, value)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if stored is None:
        raise BadRequest(f"{key}: an empty value names nobody")
    return canonical, stored
