"""Which countries an organisation lets its members call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisations", sa.Column("dial_countries", sa.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("organisations", "dial_countries")
