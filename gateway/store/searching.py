"""Searching: which events a filter means, in the order of their ids, each page found by an index.

Takes an EventFilter, gives light rows, newest or oldest first. One condition of the filter is asked of the database by
its index (the most telling one there is); the others are looked at row by row, in steps, so that no page takes longer
than its steps. What is in a payload is not known here: that is operations/searching's.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal_column, select, union_all
from ulid import ULID

from gateway.event import Status
from gateway.store import dialect
from gateway.store.tables import effects, events, identifiers, is_standing, keys, sources
from gateway.store.workbench import HAS_KEY, IS_BOOKMARKED

# SQLite takes 500 parts of a compound select; past this many sources are looked at row by row.
_ARMS_MAX = 60
STEP_ROWS = 1000

_COLUMNS = tuple(
    events.c[name]
    for name in (
        *("id", "root", "source", "status", "version_id", "key_id", "lane", "delivery", "unique_key", "issue"),
        *("bulk_id", "edited_from", "bookmarked_at", "received_at", "is_authenticated", "pruned_at"),
    )
)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events. Empty: all. Times are microseconds, of the event itself; a replay is as old as its id says."""

    sources: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    id_prefix: str = ""
    identifier: tuple[str, str] | None = None  # key, value: events in force that say something of that contact
    unique_key: str = ""
    version_id: str = ""
    root: str = ""
    issue: str = ""
    bulk_id: str = ""
    edited_from: str = ""
    lane: str = ""
    is_bookmarked: bool = False
    text: str = ""  # anywhere in the body
    path: str = ""  # into a JSON body, such as customer.email or line_items.*.sku
    value: str | None = None  # what stands there; None: anything

    @property
    def is_of_payload(self) -> bool:
        return bool(self.text or self.path)

    def admits(self, row: Row[Any]) -> bool:
        """Tell whether a row is meant, as far as the row itself can tell."""
        return (
            (not self.sources or row.source in self.sources)
            and (not self.statuses or row.status in self.statuses)
            and all(
                not wanted or getattr(row, name) == wanted
                for name, wanted in (
                    *(("version_id", self.version_id), ("root", self.root), ("issue", self.issue)),
                    *(("bulk_id", self.bulk_id), ("edited_from", self.edited_from), ("lane", self.lane)),
                    ("unique_key", self.unique_key),
                )
            )
            and row.id.startswith(self.id_prefix)
            and (not self.is_bookmarked or row.bookmarked_at is not None)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """The ids that are looked at: above `after`, below `before`."""

    after: str
    before: str

    def condition(self, table: Any = events) -> ColumnElement[bool]:
        return and_(table.c.id > self.after, table.c.id < self.before)


def id_at(at: int) -> str:
    """Give the id below which all events of earlier milliseconds are (microseconds since 1970)."""
    text = str(ULID.from_timestamp(max(0, at) / 1_000_000))
    return f"evt_{text[:10]}{'0' * 16}"


def span_of(chosen: EventFilter, *, after: str = "", before: str = "") -> Span:
    """Give where in the order of ids a filter's events can be, beyond a cursor on either side."""
    lows, highs = [after], [before or "evt_~"]
    if chosen.since is not None:
        lows.append(id_at(chosen.since))
    if chosen.until is not None:
        highs.append(id_at(chosen.until))
    if chosen.id_prefix:
        lows.append(chosen.id_prefix[:-1] + chr(ord(chosen.id_prefix[-1]) - 1) + "~")
        highs.append(chosen.id_prefix + "~")
    return Span(max(lows), min(highs))


def walk(
    connection: Connection, chosen: EventFilter, span: Span, *, is_newest_first: bool = True
) -> Iterator[list[Any]]:
    """Yield the rows that a filter may mean, a step at a time: the caller asks `admits` of each, and may stop."""
    arms = _arms(connection, chosen)
    while True:
        rows = connection.execute(_step(arms, span, is_newest_first)).all()
        yield list(rows)
        if len(rows) < STEP_ROWS:
            return
        last = rows[-1].id
        span = Span(span.after, last) if is_newest_first else Span(last, span.before)


def _step(arms: Sequence[ColumnElement[bool]], span: Span, is_newest_first: bool) -> Select[Any]:
    """Take the next rows of each arm by its index, and of those the next of all."""
    order = events.c.id.desc() if is_newest_first else events.c.id
    parts = [select(events.c.id).where(arm, span.condition()).order_by(order).limit(STEP_ROWS) for arm in arms]
    if len(parts) == 1:
        return select(*_COLUMNS).where(arms[0], span.condition()).order_by(order).limit(STEP_ROWS)
    # SQLite orders the parts of a union only inside of a subquery of their own.
    near = union_all(*(select(part.subquery().c.id) for part in parts)).subquery("near")
    return select(*_COLUMNS).join(near, near.c.id == events.c.id).order_by(order).limit(STEP_ROWS)


def _arms(connection: Connection, chosen: EventFilter) -> list[ColumnElement[bool]]:
    """Say by which index the events are found: parts that have no event in common, each in the order of ids."""
    said: list[ColumnElement[bool]] = []
    if chosen.identifier is not None:
        said.append(events.c.id.in_(_said_of(*chosen.identifier)))
    column = next((name for name in ("root", "issue", "edited_from") if getattr(chosen, name)), None)
    if column is not None:
        return [and_(events.c[column] == getattr(chosen, column), *said)]
    if chosen.unique_key:
        return [and_(_has_key(connection, chosen), *said)]
    if said:
        return said
    if chosen.is_bookmarked:
        return [literal_column(IS_BOOKMARKED)]
    if chosen.bulk_id:
        return [and_(events.c.bulk_id == chosen.bulk_id, events.c.status == status) for status in _statuses(chosen)]
    return _arms_by_status(chosen)


def conditions(connection: Connection, chosen: EventFilter) -> list[ColumnElement[bool]]:
    """Say a filter without its payload in one question, for which the database finds a way by itself."""
    wanted = [span_of(chosen).condition()]
    for name in ("version_id", "root", "issue", "bulk_id", "edited_from", "lane"):
        if getattr(chosen, name):
            wanted.append(events.c[name] == getattr(chosen, name))
    if chosen.sources:
        wanted.append(events.c.source.in_(chosen.sources))
    if chosen.statuses:
        wanted.append(events.c.status.in_(chosen.statuses))
    if chosen.unique_key:
        wanted.append(_has_key(connection, chosen))
    if chosen.identifier is not None:
        wanted.append(events.c.id.in_(_said_of(*chosen.identifier)))
    if chosen.is_bookmarked:
        wanted.append(literal_column(f"events.{IS_BOOKMARKED}"))
    return wanted


def _has_key(connection: Connection, chosen: EventFilter) -> ColumnElement[bool]:
    deliveries = _deliveries_of(connection, chosen.unique_key, chosen.sources)
    return and_(literal_column(f"events.{HAS_KEY}"), dialect.one_of(connection, events.c.delivery, deliveries))


def _arms_by_status(chosen: EventFilter) -> list[ColumnElement[bool]]:
    statuses = _statuses(chosen)
    if chosen.sources and len(chosen.sources) * len(statuses) <= _ARMS_MAX:
        return [
            and_(events.c.source == source, events.c.status == status)
            for source in chosen.sources
            for status in statuses
        ]
    if chosen.statuses:
        return [events.c.status == status for status in statuses]
    return [literal_column("1 = 1")]


def _statuses(chosen: EventFilter) -> Sequence[str]:
    return tuple(dict.fromkeys(chosen.statuses)) or tuple(status.value for status in Status)


def _said_of(key: str, value: str) -> Select[Any]:
    contact = select(identifiers.c.contact_id).where(identifiers.c.value == value, identifiers.c.key == key)
    return select(effects.c.event_id).where(effects.c.contact_id == contact.scalar_subquery())


def _deliveries_of(connection: Connection, unique_key: str, wanted: Collection[str]) -> list[str]:
    """Name every delivery that a unique key can mean: one a source, and one a source and API key."""
    names = set(wanted) or set(connection.scalars(select(sources.c.name)))
    scopes = set(names)
    for key_id, reach in connection.execute(select(keys.c.id, keys.c.sources)):
        scopes |= {f"{source}:{key_id}" for source in (orjson.loads(reach) or ["api"])}
    return [f"{scope}\n{unique_key}" for scope in scopes]


def list_newest_roots(connection: Connection, source: str, limit: int) -> list[dict[str, Any]]:
    """Give the newest requests of a source that a script has made events of, and that are still there, newest first."""
    chosen, found = EventFilter(sources=(source,)), list[dict[str, Any]]()
    for rows in walk(connection, chosen, span_of(chosen)):
        for row in rows:
            if row.id == row.root and row.key_id is None and row.pruned_at is None:
                found.append({name: getattr(row, name) for name in ("id", "received_at", "is_authenticated")})
                if len(found) == limit:
                    return found
    return found


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a bulk job takes up: the root whose request is taken again, for the event that a filter has found."""

    event_id: str
    root: str
    status: str


def list_standing_deliveries(connection: Connection, rows: Sequence[Any], chosen: EventFilter) -> list[Delivery]:
    """Give one delivery each for those of these rows that speak for theirs, in their order.

    An event speaks for its delivery while none is in force, and then the one in force; of several the oldest that the
    filter means, so that two steps of a job never take up the same one.
    """
    standing = _standing_of(connection, {row.delivery for row in rows})
    speaking = [row for row in rows if standing.get(row.delivery, (row.id,))[0] == row.id]
    open_ones = [row for row in speaking if row.delivery not in standing]
    younger = _with_older_twins(connection, open_ones, chosen)
    return [
        Delivery(row.id, standing.get(row.delivery, (row.id, row.root))[1], row.status)
        for row in speaking
        if row.id not in younger
    ]


def _standing_of(connection: Connection, deliveries: Collection[str]) -> dict[str, tuple[str, str]]:
    rows = connection.execute(
        select(events.c.delivery, events.c.id, events.c.root).where(
            dialect.one_of(connection, events.c.delivery, deliveries), is_standing()
        )
    )
    return {delivery: (event_id, root) for delivery, event_id, root in rows}


def _with_older_twins(connection: Connection, rows: Sequence[Any], chosen: EventFilter) -> set[str]:
    """Give the ids of those that an older event of their delivery speaks for, as far as the filter means that one."""
    roots = {row.root for row in rows}
    keyed = {row.delivery for row in rows if row.unique_key is not None}
    is_kin = dialect.one_of(connection, events.c.root, roots)
    kin = [select(*_COLUMNS).where(is_kin)]
    if keyed:
        is_keyed = and_(literal_column(f"events.{HAS_KEY}"), dialect.one_of(connection, events.c.delivery, keyed))
        kin.append(select(*_COLUMNS).where(is_keyed))
    oldest: dict[str, str] = {}
    span = span_of(chosen)
    for query in kin:
        for row in connection.execute(query):
            if chosen.admits(row) and span.after < row.id < span.before:
                oldest[row.delivery] = min(row.id, oldest.get(row.delivery, row.id))
    return {row.id for row in rows if oldest.get(row.delivery, row.id) < row.id}
