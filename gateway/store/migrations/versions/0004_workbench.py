"""The workbench: drafts, fixtures, issues, bulk jobs, saved filters."""

import sqlalchemy as sa
from alembic import op

Bytewise = sa.String().with_variant(sa.String(collation="C"), "postgresql")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _extend_events()
    _create_what_authors_keep()
    _create_what_repairs()


def _extend_events() -> None:
    op.add_column("events", sa.Column("issue", Bytewise, nullable=True))
    op.add_column("events", sa.Column("bulk_id", Bytewise, nullable=True))
    _index_few("ix_events_delivery_id", "unique_key IS NOT NULL", "delivery", "id")
    _index_few("ix_events_issue_id", "issue IS NOT NULL", "issue", "id")
    _index_few("ix_events_bulk_id_status_id", "bulk_id IS NOT NULL", "bulk_id", "status", "id")
    _index_few("ix_events_edited_from", "edited_from IS NOT NULL", "edited_from")
    _index_few("ix_events_bookmarked", "bookmarked_at IS NOT NULL", "id")
    _index_few("ix_events_unfiled", "status = 'failed' AND issue IS NULL", "id")


def _index_few(name: str, condition: str, *columns: str) -> None:
    few = sa.text(condition)
    op.create_index(name, "events", list(columns), unique=False, sqlite_where=few, postgresql_where=few)


def _create_what_authors_keep() -> None:
    op.create_table(
        "drafts",
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("base_version_id", Bytewise, nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_drafts_source_sources")),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_drafts")),
    )
    op.create_table(
        "fixtures",
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("name", Bytewise, nullable=False),
        sa.Column("head_blob", sa.LargeBinary(), nullable=False),
        sa.Column("body_blob", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_fixtures_source_sources")),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_fixtures")),
    )
    op.create_table(
        "saved_filters",
        sa.Column("owner", Bytewise, nullable=False),
        sa.Column("name", Bytewise, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_saved_filters")),
    )


def _create_what_repairs() -> None:
    op.create_table(
        "issues",
        sa.Column("id", Bytewise, nullable=False),
        sa.Column("source", Bytewise, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("first_event_id", Bytewise, nullable=False),
        sa.Column("last_event_id", Bytewise, nullable=False),
        sa.Column("first_version_id", Bytewise, nullable=True),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("regressed_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
    )
    op.create_index(op.f("ix_issues_last_seen_id"), "issues", ["last_seen", "id"], unique=False)
    op.create_index(op.f("ix_issues_source_last_seen"), "issues", ["source", "last_seen"], unique=False)
    op.create_table(
        "bulk_jobs",
        sa.Column("id", Bytewise, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cursor", Bytewise, server_default="", nullable=False),
        sa.Column("until", Bytewise, nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
    )
    op.create_index(op.f("ix_bulk_jobs_state"), "bulk_jobs", ["state"], unique=False)
