"""The tables, for SQLite and PostgreSQL alike.

Times are microseconds since 1970 (UTC) in big integers; documents are JSON in text, written and read
by orjson, so that both databases give back the same bytes. What is named `…_blob` is bytes.

Sources and what belongs to them:
    sources · versions · secrets · keys · registry · audit
Events and what came in:
    events · requests · waits · totals
The ledger and its projections (worker/apply says what they mean):
    effects → contacts · identifiers · lists · memberships · orders · supplements
People of the console are in people_tables.
Who was erased:
    tombstones · salts
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Ids, clocks and identifiers are compared by byte, as Python does: PostgreSQL's default collation is not.
Bytewise = String().with_variant(String(collation="C"), "postgresql")


sources = Table(
    "sources",
    metadata,
    Column("name", Bytewise, primary_key=True),  # a slug; never changed, never reused
    Column("plugin", String),
    Column("title", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default="live"),  # live | paused | disabled | removed
    Column("live_version_id", Bytewise),
    Column("settings", Text, nullable=False, server_default="{}"),
    Column("limits", Text, nullable=False, server_default="{}"),  # fields of sandbox Limits, and body_bytes_max
    Column("unique_by", String),
    Column("occurred_at", String),
    Column("occurred_at_zone", String),
    Column("capture_until", BigInteger),  # until then requests are kept as samples and nothing is applied
    Column("capture_left", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("redaction", Text, nullable=False, server_default="{}"),  # {"headers": […], "paths": […]}: never shown
    Column("retention_days", Integer),  # empty: as the setting says
)

versions = Table(
    "versions",
    metadata,
    Column("id", Bytewise, primary_key=True),
    Column("source", Bytewise, ForeignKey("sources.name"), nullable=False, index=True),
    Column("number", Integer, nullable=False),  # 1, 2, 3 … within its source
    Column("text", Text, nullable=False),
    Column("sha256", String, nullable=False),
    Column("has_authenticate", Boolean, nullable=False),
    Column("note", String, nullable=False, server_default=""),
    Column("author", String, nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("published_at", BigInteger),  # when it last became live
    Index(None, "source", "number", unique=True),
)

secrets = Table(
    "secrets",
    metadata,
    Column("source", Bytewise, ForeignKey("sources.name"), primary_key=True),
    Column("name", Bytewise, primary_key=True),
    Column("sealed_blob", LargeBinary, nullable=False),
    Column("previous_blob", LargeBinary),  # after a rotation the old one counts until previous_until
    Column("previous_until", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
    Column("rotated_at", BigInteger),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Bytewise, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),  # sender | viewer | integrator | admin
    Column("sources", Text, nullable=False, server_default="[]"),  # empty: every source
    Column("sha256", String, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

registry = Table(
    "registry",
    metadata,
    Column("id", Integer, primary_key=True),  # one row
    Column("generation", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("subject", String, nullable=False, index=True),
    Column("before", Text),
    Column("after", Text),
    Index(None, "actor", "id"),
    Index(None, "operation", "id"),
)


events = Table(
    "events",
    metadata,
    Column("id", Bytewise, primary_key=True),
    Column("root", Bytewise, nullable=False, index=True),
    Column("source", Bytewise, nullable=False),
    Column("version_id", Bytewise),
    Column("key_id", Bytewise),
    Column("lane", String, nullable=False),
    Column("status", String, nullable=False),
    Column("stage", String),
    Column("reason", Text),
    Column("trace", Text),
    Column("logs", Text),
    Column("notes", Text),  # JSON list: what applying wants a person to know (a conflict, a shared identifier)
    Column("failed_action", Integer),  # which action cannot be applied, from 0
    Column("is_authenticated", Boolean, nullable=False),
    Column("actions", Text, nullable=False),
    Column("delivery", Bytewise, nullable=False),
    Column("unique_key", Bytewise),
    # The event of its delivery that counts: its rows are the ones in the ledger.
    Column("is_in_force", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),  # the root's
    Column("occurred_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),  # this event's own time
    Column("applied_at", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("tries", Text),  # JSON list, the newest attempts: {at, ms, error}
    Column("pruned_at", BigInteger),  # when retention took its request, log, trace and notes
    Column("erased_at", BigInteger),  # when those and its actions went with a person
    Column("edited_from", Bytewise),  # the event whose edited copy this is
    Column("bookmarked_at", BigInteger),
    Column("issue", Bytewise),  # of a failed one: what it failed for
    Column("bulk_id", Bytewise),  # of a replay: the bulk job that made it
    # At most one event of a delivery is in force: decided here, in the applying transaction.
    Index(
        "uq_events_in_force",
        "delivery",
        unique=True,
        sqlite_where=text("is_in_force"),
        postgresql_where=text("is_in_force"),
    ),
    Index(None, "source", "status", "id"),
    Index(None, "status", "id"),
    # What retention has not been at yet: the oldest of each source.
    Index(
        "ix_events_unpruned",
        "source",
        "id",
        sqlite_where=text("pruned_at IS NULL"),
        postgresql_where=text("pruned_at IS NULL"),
    ),
)


def is_standing(name: str = "events") -> ColumnElement[Any]:
    """Say `is_in_force` of the events, or of an alias of them, in the words of the index.

    SQLAlchemy would write `is_in_force = 1` for SQLite, which then does not see that the index is meant.
    """
    return literal_column(f"{name}.is_in_force")


requests = Table(
    "requests",
    metadata,
    Column("event_id", Bytewise, primary_key=True),  # of a root: replays read their root's
    Column("head_blob", LargeBinary, nullable=False),
    Column("body_blob", LargeBinary, nullable=False),
    Column("encoding", String),  # zstd: both blobs are compressed; empty: as they came
)

totals = Table(
    "totals",
    metadata,
    Column("name", String, primary_key=True),  # request_bytes: what all rows of requests hold
    Column("value", BigInteger, nullable=False),
)

waits = Table(
    "waits",
    metadata,
    Column("event_id", Bytewise, primary_key=True),
    Column("kind", String, primary_key=True),  # contact | list | merge
    Column("key", Bytewise, primary_key=True),  # of an identifier; empty for a list
    Column("name", Bytewise, primary_key=True),  # the value of an identifier, or the name of a list
    Index(None, "name"),
    sqlite_with_rowid=False,
)


contacts = Table(
    "contacts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("attributes", Text, nullable=False),  # JSON: name -> value, as shown
    Column("subscriptions", Text, nullable=False),  # JSON: channel -> subscribed | unsubscribed
    Column("shown", Text, nullable=False),  # JSON: identifier key -> the value that is shown
    Column("cart", Text, nullable=False),  # JSON: product -> [qty, the fields of its newest addition]
    Column("state", Text, nullable=False),  # JSON: every value with its clock; see worker/apply/contacts
    Column("created_at", BigInteger),  # when its creator happened; empty if no row in force creates it
    Column("changed_at", BigInteger),  # when the newest thing happened that was said of it
)

identifiers = Table(
    "identifiers",
    metadata,
    Column("value", Bytewise, primary_key=True),  # first, so that many are looked up by one column
    Column("key", Bytewise, primary_key=True),
    Column("contact_id", Integer, nullable=False, index=True),
    sqlite_with_rowid=False,
)

effects = Table(
    "effects",
    metadata,
    Column("event_id", Bytewise, primary_key=True),
    Column("action_index", Integer, primary_key=True),
    Column("item_index", Integer, primary_key=True),
    Column("contact_id", Integer, nullable=False),
    Column("kind", String, nullable=False),  # contact | activity | member | order | supplement | cart
    Column("target", Bytewise),  # JSON: which order or record it is about
    Column("clock", Bytewise, nullable=False),
    Column("identifiers", Text, nullable=False),  # JSON: by which the action named the contact
    Column("document", Text, nullable=False),  # JSON: all fields of the item
    Index(None, "contact_id", "kind", "clock"),
    Index(None, "target", sqlite_where=text("target IS NOT NULL"), postgresql_where=text("target IS NOT NULL")),
)

lists = Table(
    "lists",
    metadata,
    Column("name", Bytewise, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("contact_id", Integer, primary_key=True),
    Column("list", Bytewise, primary_key=True),  # may not exist yet: a boolean attribute is a membership too
    Index(None, "list", "contact_id"),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    Column("target", Bytewise, primary_key=True),  # JSON: [origin, order_id]
    Column("origin", Bytewise, nullable=False),
    Column("order_id", Bytewise, nullable=False, index=True),
    Column("contact_id", Integer, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("purchased_at", BigInteger, nullable=False),
    Column("total", String),  # decimal, as text: exact in both databases
    Column("tax", String),
    Column("properties", Text),  # JSON
    Column("items", Text, nullable=False),  # JSON
    Column("clocks", Text, nullable=False),  # JSON: field -> the clock of its value
    Column("taker", Bytewise),  # the clock of the effect that took the items out of the cart
)

supplements = Table(
    "supplements",
    metadata,
    Column("target", Bytewise, primary_key=True),  # JSON: [origin, supplement, record_id]
    Column("origin", Bytewise, nullable=False),
    Column("supplement", Bytewise, nullable=False),
    Column("record_id", Bytewise, nullable=False),
    Column("contact_id", Integer, nullable=False, index=True),
    Column("contact_clock", Bytewise, nullable=False),
    Column("record", Text, nullable=False),  # JSON
    Column("clocks", Text, nullable=False),  # JSON: field -> the clock of its value
)

salts = Table(
    "salts",
    metadata,
    Column("name", String, primary_key=True),
    Column("salt_blob", LargeBinary, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("hash", Bytewise, primary_key=True),  # of an identifier of an erased person, salted
    Column("erased_at", BigInteger, nullable=False),  # what happened up to then is not told any more
)
