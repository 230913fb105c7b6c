"""From when on the browsers of a person count as theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("devices_since", sa.BigInteger(), nullable=True))
