"""Searching: find events by anything that is known of them, newest first, a page at a time.

Takes a filter, also as the query string of a page; gives rows, where the next page begins, and how far it looked.
What an index knows is found at once, whatever the size of the database; what has to be looked for in rows or payloads
is looked for until the page is full or two seconds are over: then the page says which time it has reached.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ulid import ULID

from gateway.actions.fields import canonical_identifier_key, normalise_identifier
from gateway.clock import iso
from gateway.errors import OperatorError
from gateway.event import Lane
from gateway.operations.events import check_status
from gateway.operations.operator import Operator
from gateway.operations.paths import read_path
from gateway.operations.sifting import sift
from gateway.operations.zones import read_zone
from gateway.store.engine import Connection
from gateway.store.events import load_listed
from gateway.store.searching import EventFilter, span_of, walk

__all__ = ["NOWHERE", "PAGE", "EventFilter", "read_filter", "search_events", "within", "write_filter"]

# With the body that is at work when they are over, and the list, a page takes two.
SECONDS_MAX = 1.5
PAGE = 50
PAGE_MAX = 500
# The source of a search beyond what somebody may see: no source can be called so, and a filter that is kept keeps it.
NOWHERE = "-"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TEXTS = ("id", "unique_key", "version", "root", "issue", "bulk", "edited_from", "lane", "text", "path", "value")
_NAMES = {"id": "id_prefix", "version": "version_id", "bulk": "bulk_id"}


async def search_events(
    op: Operator,
    chosen: EventFilter,
    *,
    before: str = "",
    limit: int = PAGE,
    seconds: float = SECONDS_MAX,
    is_raw: bool = False,
) -> dict[str, Any]:
    """Give `{events, next, scanned, unread, reached_at, is_complete}`.

    `next` is what `before` is for the page that follows, None at the end. `is_complete` is False where time ran out
    before the page was full: nothing newer than `reached_at` is left out, but for the `unread`: bodies of more values
    than can be looked through while a page waits. `is_raw` looks into what the source hides.
    """
    for status in chosen.statuses:
        check_status(status)
    limit = max(1, min(limit, PAGE_MAX))
    return await op.read(lambda conn: _search(conn, chosen, before, limit, seconds, is_raw))


@dataclass(slots=True)
class _Page:
    """One page while it is filled."""

    limit: int
    deadline: float
    reached: str
    found: list[str] = field(default_factory=list)
    scanned: int = 0
    unread: int = 0
    is_at_end: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.found) == self.limit

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    def take(self, row: Any, is_meant: bool | None) -> None:
        self.scanned, self.reached = self.scanned + 1, row.id
        if is_meant:
            self.found.append(row.id)
        elif is_meant is None:
            self.unread += 1

    def document(self, conn: Connection) -> dict[str, Any]:
        return {
            "events": load_listed(conn, self.found),
            "next": None if self.is_at_end else self.reached,
            "scanned": self.scanned,
            "unread": self.unread,
            "reached_at": _time_of(self.reached),
            "is_complete": self.is_at_end or self.is_full,
        }


def _search(
    conn: Connection, chosen: EventFilter, before: str, limit: int, seconds: float, is_raw: bool
) -> dict[str, Any]:
    page = _Page(limit, time.monotonic() + seconds, before)
    for rows in walk(conn, chosen, span_of(chosen, before=before)):
        for row, is_meant in sift(conn, rows, chosen, is_raw=is_raw):
            page.take(row, is_meant)
            if page.is_full or page.is_late:
                return page.document(conn)
    page.is_at_end = True
    return page.document(conn)


def _time_of(event_id: str) -> str | None:
    try:
        return iso(int(ULID.from_str(event_id.removeprefix("evt_")).milliseconds) * 1000)
    except ValueError:
        return None


def read_filter(query: Mapping[str, str], *, reach: Collection[str] = (), is_kept: bool = False) -> EventFilter:
    """Read a filter from the parameters of a page or a saved query string.

    `source` and `status` take several by commas; `since` and `until` take ISO times or how long ago (`15m`, `2h`,
    `7d`), and `zone` is that of times without one (else UTC); `contact` is `key:value`; `bookmarked` is `1`. `reach`
    are the sources that the caller may see, none: all.
    Raises OperatorError for a time, a status, a contact or a path that cannot be read; `is_kept` of a job: its path was
    taken once, and goes on meaning what it did.
    """
    if any("\0" in text for text in query.values()):
        raise OperatorError("a NUL is nowhere: neither in an id nor in what a database keeps of a text")
    zone = read_zone(query.get("zone") or "UTC")
    texts = {_NAMES.get(name, name): query.get(name, "").strip() for name in _TEXTS if name != "value"}
    chosen = EventFilter(
        sources=tuple(filter(None, query.get("source", "").split(","))),
        statuses=tuple(filter(None, query.get("status", "").split(","))),
        since=_read_time(query.get("since", ""), zone),
        until=_read_time(query.get("until", ""), zone),
        identifier=_read_contact(query.get("contact", "").strip()),
        is_bookmarked=query.get("bookmarked", "") in ("1", "true", "on"),
        value=query.get("value") or None,
        **texts,
    )
    for status in chosen.statuses:
        check_status(status)
    if chosen.lane and chosen.lane not in tuple(Lane):
        raise OperatorError(f'there is no lane "{chosen.lane}": {", ".join(Lane)}')
    if chosen.path and not is_kept:
        read_path(chosen.path)
    if chosen.value is not None and not chosen.path:
        raise OperatorError("a value needs a path: where in the payload it stands, such as customer.email")
    return within(chosen, reach)


def write_filter(chosen: EventFilter) -> str:
    """Write a filter as a query string that `read_filter` reads; times are absolute."""
    back = {value: name for name, value in _NAMES.items()}
    pairs: list[tuple[str, str]] = []
    for name in (each.name for each in fields(chosen)):
        value = getattr(chosen, name)
        if value in (None, "", (), False):
            continue
        match name:
            case "sources" | "statuses":
                pairs.append(({"sources": "source", "statuses": "status"}[name], ",".join(value)))
            case "since" | "until":
                pairs.append((name, iso(value) or ""))
            case "identifier":
                pairs.append(("contact", ":".join(value)))
            case "is_bookmarked":
                pairs.append(("bookmarked", "1"))
            case _:
                pairs.append((back.get(name, name), value))
    return urlencode(pairs)


def _read_contact(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    key, colon, value = text.partition(":")
    if not colon or not key or not value:
        raise OperatorError(f'"{text}" is no contact: key:value, such as email:ann@example.com')
    canonical = canonical_identifier_key(key)
    try:
        return canonical, normalise_identifier(canonical, value) or value
    except ValueError as error:
        raise OperatorError(str(error)) from None


def _read_time(text: str, zone: ZoneInfo) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        if text[-1] in _UNITS and text[:-1].isdecimal():
            at = datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        else:
            at = datetime.fromisoformat(text)
            at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        return round(at.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise OperatorError(f'"{text}" is no time: like 15m, 2h, 7d, or like 2026-01-31T12:00:00Z') from None


def within(chosen: EventFilter, reach: Collection[str]) -> EventFilter:
    """Narrow a filter to the sources that somebody may see; none: all."""
    if not reach:
        return chosen
    seen = tuple(name for name in chosen.sources or sorted(reach) if name in reach)
    return replace(chosen, sources=seen or (NOWHERE,))
