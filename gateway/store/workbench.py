"""The tables of the workbench: what people keep while they write scripts and repair what failed.

Takes the metadata of `tables` and adds to it; times and documents lie as they do there. Nothing here is read on
the way of a webhook; of what applying writes, only `issues`.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from gateway.store.tables import Bytewise, events, metadata

drafts = Table(
    "drafts",
    metadata,
    Column("source", Bytewise, ForeignKey("sources.name"), primary_key=True),  # one a source
    Column("revision", Integer, nullable=False),  # grows with every saving: who saves says which one they have seen
    Column("text", Text, nullable=False),
    Column("author", String, nullable=False),
    Column("base_version_id", Bytewise),  # what was live when the draft was begun
    Column("changed_at", BigInteger, nullable=False),
)

fixtures = Table(
    "fixtures",
    metadata,
    Column("source", Bytewise, ForeignKey("sources.name"), primary_key=True),
    Column("name", Bytewise, primary_key=True),
    Column("head_blob", LargeBinary, nullable=False),
    Column("body_blob", LargeBinary, nullable=False),
    Column("origin", String, nullable=False),  # pasted, or the id of the event or sample that it was
    Column("expected", Text),  # JSON: the actions that it should give
    Column("author", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Bytewise, primary_key=True),  # made of source, stage, cause and line: the same failure, the same id
    Column("source", Bytewise, nullable=False),
    Column("stage", String, nullable=False),
    Column("cause", Text, nullable=False),  # the reason without what differs from event to event
    Column("line", Text),  # the last line of the script that it failed in
    Column("state", String, nullable=False),  # open | acknowledged | resolved
    Column("first_event_id", Bytewise, nullable=False),
    Column("last_event_id", Bytewise, nullable=False),
    Column("first_version_id", Bytewise),  # the version that brought it
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("regressed_at", BigInteger),  # when it failed again after it had been resolved
    Column("note", Text, nullable=False, server_default=""),
    Column("changed_by", String),
    Column("changed_at", BigInteger),
    Index(None, "last_seen", "id"),
    Index(None, "source", "last_seen"),
)

bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    Column("id", Bytewise, primary_key=True),
    Column("kind", String, nullable=False),  # replay | discard | process_samples
    Column("filter", Text, nullable=False),  # JSON
    Column("reason", Text, nullable=False, server_default=""),  # of a discard
    Column("author", String, nullable=False),
    Column("state", String, nullable=False, index=True),  # queued | running | paused | cancelled | done | failed
    Column("total", Integer),  # how many deliveries were counted at first; empty: nobody knows
    Column("done", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),  # what could not even be begun
    Column("cursor", Bytewise, nullable=False, server_default=""),  # the last event that was looked at
    Column("until", Bytewise, nullable=False),  # only older events: a job never meets what it made itself
    Column("step", Text),  # JSON: the replays that are planned and may not be queued yet
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("error", Text),
)

saved_filters = Table(
    "saved_filters",
    metadata,
    Column("owner", Bytewise, primary_key=True),  # the actor: user:…
    Column("name", Bytewise, primary_key=True),
    Column("query", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


def _partial(name: str, condition: str, *columns: ColumnElement[object]) -> None:
    """Add an index of few of the events to their table: the others cost nothing."""
    Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


# The words of the conditions are those of the queries: neither database uses a partial index for another wording.
HAS_KEY = "unique_key IS NOT NULL"
IS_BOOKMARKED = "bookmarked_at IS NOT NULL"
IS_UNFILED = "status = 'failed' AND issue IS NULL"

_partial("ix_events_delivery_id", HAS_KEY, events.c.delivery, events.c.id)
_partial("ix_events_issue_id", "issue IS NOT NULL", events.c.issue, events.c.id)
_partial("ix_events_bulk_id_status_id", "bulk_id IS NOT NULL", events.c.bulk_id, events.c.status, events.c.id)
_partial("ix_events_edited_from", "edited_from IS NOT NULL", events.c.edited_from)
_partial("ix_events_bookmarked", IS_BOOKMARKED, events.c.id)
_partial("ix_events_unfiled", IS_UNFILED, events.c.id)
