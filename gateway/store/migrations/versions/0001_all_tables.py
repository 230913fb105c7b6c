"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

Bytewise = sa.String().with_variant(sa.String(collation="C"), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)

    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("subscriptions", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("cart", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_table(
        "effects",
        sa.Column("event_id", Bytewise, nullable=False),
        sa.Column("action_index", sa.Integer(), nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", Bytewise, nullable=True),
        sa.Column("clock", Bytewise, nullable=False),
        sa.Column("identifiers", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "action_index", "item_index", name=op.f("pk_effects")),
    )
    op.create_index(op.f("ix_effects_contact_id_kind_clock"), "effects", ["contact_id", "kind", "clock"], unique=False)
    op.create_index(
        op.f("ix_effects_target"),
        "effects",
        ["target"],
        unique=False,
        sqlite_where=sa.text("target IS NOT NULL"),
        postgresql_where=sa.text("target IS NOT NULL"),
    )

    op.create_table(
        "events",
        sa.Column("id", Bytewise, nullable=False),
        sa.Column("root", Bytewise, nullable=False),
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("version_id", Bytewise, nullable=True),
        sa.Column("key_id", Bytewise, nullable=True),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("logs", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("failed_action", sa.Integer(), nullable=True),
        sa.Column("is_authenticated", sa.Boolean(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("delivery", Bytewise, nullable=False),
        sa.Column("unique_key", Bytewise, nullable=True),
        sa.Column("is_in_force", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_root"), "events", ["root"], unique=False)
    op.create_index(op.f("ix_events_source_status_id"), "events", ["source", "status", "id"], unique=False)
    op.create_index(op.f("ix_events_status_id"), "events", ["status", "id"], unique=False)
    op.create_index(
        "uq_events_in_force",
        "events",
        ["delivery"],
        unique=True,
        sqlite_where=sa.text("is_in_force"),
        postgresql_where=sa.text("is_in_force"),
    )

    op.create_table(
        "identifiers",
        sa.Column("value", Bytewise, nullable=False),
        sa.Column("key", Bytewise, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("value", "key", name=op.f("pk_identifiers")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_identifiers_contact_id"), "identifiers", ["contact_id"], unique=False)

    op.create_table(
        "keys",
        sa.Column("id", Bytewise, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sources", sa.Text(), server_default="[]", nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_keys_sha256")),
    )
    op.create_table(
        "lists",
        sa.Column("name", Bytewise, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lists")),
    )
    op.create_table(
        "memberships",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("list", Bytewise, nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "list", name=op.f("pk_memberships")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_memberships_list_contact_id"), "memberships", ["list", "contact_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("target", Bytewise, nullable=False),
        sa.Column("origin", Bytewise, nullable=False),
        sa.Column("order_id", Bytewise, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("purchased_at", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.String(), nullable=True),
        sa.Column("tax", sa.String(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("clocks", sa.Text(), nullable=False),
        sa.Column("taker", Bytewise, nullable=True),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_contact_id"), "orders", ["contact_id"], unique=False)
    op.create_index(op.f("ix_orders_order_id"), "orders", ["order_id"], unique=False)

    op.create_table(
        "registry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry")),
    )
    op.create_table(
        "requests",
        sa.Column("event_id", Bytewise, nullable=False),
        sa.Column("head_blob", sa.LargeBinary(), nullable=False),
        sa.Column("body_blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_requests")),
    )
    op.create_table(
        "sources",
        sa.Column("name", Bytewise, nullable=False),
        sa.Column("plugin", sa.String(), nullable=True),
        sa.Column("title", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="live", nullable=False),
        sa.Column("live_version_id", Bytewise, nullable=True),
        sa.Column("settings", sa.Text(), server_default="{}", nullable=False),
        sa.Column("limits", sa.Text(), server_default="{}", nullable=False),
        sa.Column("unique_by", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.String(), nullable=True),
        sa.Column("occurred_at_zone", sa.String(), nullable=True),
        sa.Column("capture_until", sa.BigInteger(), nullable=True),
        sa.Column("capture_left", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "supplements",
        sa.Column("target", Bytewise, nullable=False),
        sa.Column("origin", Bytewise, nullable=False),
        sa.Column("supplement", Bytewise, nullable=False),
        sa.Column("record_id", Bytewise, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("contact_clock", Bytewise, nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("clocks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_supplements")),
    )
    op.create_index(op.f("ix_supplements_contact_id"), "supplements", ["contact_id"], unique=False)

    op.create_table(
        "waits",
        sa.Column("event_id", Bytewise, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", Bytewise, nullable=False),
        sa.Column("name", Bytewise, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "kind", "key", "name", name=op.f("pk_waits")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_waits_name"), "waits", ["name"], unique=False)

    op.create_table(
        "secrets",
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("name", Bytewise, nullable=False),
        sa.Column("sealed_blob", sa.LargeBinary(), nullable=False),
        sa.Column("previous_blob", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_secrets_source_sources")),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "versions",
        sa.Column("id", Bytewise, nullable=False),
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("has_authenticate", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("author", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_versions_source_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
    )
    op.create_index(op.f("ix_versions_source"), "versions", ["source"], unique=False)
    op.create_index(op.f("ix_versions_source_number"), "versions", ["source", "number"], unique=True)
