"""Family: the events that have to do with one: its replays, its redeliveries, its edited copies.

Takes an event as `load_event` gives it, gives its relatives as pages list them, newest first. Only looks.
"""

from typing import Any

from gateway.operations.operator import Operator
from gateway.operations.searching import search_events
from gateway.store.searching import EventFilter

RELATIVES_MAX = 20


async def load_family(op: Operator, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Give `{kinship, event}` of each relative: replay, original, redelivery or edited copy."""
    source, key = event["source"], event["unique_key"]
    asked = [
        ("replay", EventFilter(root=event["root"])),
        ("edited copy", EventFilter(edited_from=event["id"])),
        *([("redelivery", EventFilter(sources=(source,), unique_key=key))] if key else []),
    ]
    found: dict[str, dict[str, Any]] = {}
    for kinship, chosen in asked:
        for one in (await search_events(op, chosen, limit=RELATIVES_MAX))["events"]:
            if one["id"] != event["id"]:
                is_original = one["id"] in (event["root"], event["edited_from"])
                found.setdefault(one["id"], {"kinship": "original" if is_original else kinship, "event": one})
    return [found[event_id] for event_id in sorted(found, reverse=True)]
