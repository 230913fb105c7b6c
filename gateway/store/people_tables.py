"""The tables of the console's people: who they are, their one-time links, where they are signed in."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from gateway.store.tables import Bytewise, metadata

__all__ = ["links", "metadata", "sessions", "users"]

users = Table(
    "users",
    metadata,
    Column("id", Bytewise, primary_key=True),
    Column("email", Bytewise, nullable=False, unique=True),  # lower case
    Column("name", String, nullable=False, server_default=""),
    Column("password_hash", String),  # argon2; empty until the first link was taken
    Column("role", String, nullable=False),  # viewer | integrator | admin
    Column("sources", Text, nullable=False, server_default="[]"),  # empty: every source
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("devices_since", BigInteger),  # a browser that came in before this is one that never did
)

links = Table(
    "links",
    metadata,
    Column("sha256", Bytewise, primary_key=True),
    Column("user_id", Bytewise, ForeignKey("users.id", ondelete="CASCADE"), index=True),  # empty: the first admin
    Column("expires_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", Bytewise, primary_key=True),
    Column("user_id", Bytewise, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("browser", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)
