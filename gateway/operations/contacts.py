"""Contacts, found: by the beginning of any identifier, or the newest ones."""

from typing import Any

from gateway.actions.fields import canonical_identifier_key, normalise_identifier
from gateway.operations.operator import Operator
from gateway.store.contacts import list_newest_contacts
from gateway.store.engine import Connection
from gateway.store.identifiers import find_beginning

SHOWN = 50


async def find_contacts(op: Operator, text: str = "") -> list[dict[str, Any]]:
    """Give `{contact_id, key, value}` of up to 50 identifiers that begin so; `key:value` asks for that key alone.

    Without a text the newest contacts, by the first identifier that each shows. E-mail is found in small letters.
    """
    if not text:
        newest = await op.read(lambda conn: list_newest_contacts(conn, SHOWN))
        return [_first(contact) for contact in newest]

    def work(conn: Connection) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for wanted, beginning in _readings(text):
            for key, value, contact_id in find_beginning(conn, beginning, SHOWN):
                if wanted in (None, key):
                    found.setdefault((key, value), {"contact_id": contact_id, "key": key, "value": value})
        return list(found.values())[:SHOWN]

    return await op.read(work)


def _first(contact: dict[str, Any]) -> dict[str, Any]:
    key, value = next(iter(contact["identifiers"].items()))
    return {"contact_id": contact["id"], "key": key, "value": value, "changed_at": contact["changed_at"]}


def _readings(text: str) -> list[tuple[str | None, str]]:
    """Read a text as an identifier of a key, and as the beginning of a value as typed and as e-mail is stored."""
    readings: list[tuple[str | None, str]] = [(None, text)]
    if text.lower() != text:
        readings.append((None, text.lower()))
    key, colon, value = text.partition(":")
    if colon and value:
        canonical = canonical_identifier_key(key)
        readings.insert(0, (canonical, normalise_identifier(canonical, value) or value))
    return readings
