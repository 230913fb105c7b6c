"""What happens to events after they are applied: tries, retention, redaction, rotation, erasure."""

import sqlalchemy as sa
from alembic import op

Bytewise = sa.String().with_variant(sa.String(collation="C"), "postgresql")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("redaction", sa.Text(), server_default="{}", nullable=False))
    op.add_column("sources", sa.Column("retention_days", sa.Integer(), nullable=True))
    op.add_column("secrets", sa.Column("rotated_at", sa.BigInteger(), nullable=True))
    op.add_column("requests", sa.Column("encoding", sa.String(), nullable=True))

    op.add_column("events", sa.Column("tries", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("pruned_at", sa.BigInteger(), nullable=True))
    op.add_column("events", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.add_column("events", sa.Column("edited_from", Bytewise, nullable=True))
    op.add_column("events", sa.Column("bookmarked_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_events_unpruned",
        "events",
        ["source", "id"],
        unique=False,
        sqlite_where=sa.text("pruned_at IS NULL"),
        postgresql_where=sa.text("pruned_at IS NULL"),
    )

    op.create_table(
        "totals",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_totals")),
    )
    op.execute(
        "INSERT INTO totals (name, value) SELECT 'request_bytes', "
        "COALESCE(SUM(LENGTH(head_blob) + LENGTH(body_blob)), 0) FROM requests"
    )
    op.create_table(
        "salts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("salt_blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_salts")),
    )
    op.create_table(
        "tombstones",
        sa.Column("hash", Bytewise, nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tombstones")),
    )
