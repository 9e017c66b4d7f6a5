"""Whether a call's customer is on hold, and since when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("on_hold", sa.Boolean, server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("hold_changed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "hold_changed_at")
    op.drop_column("calls", "on_hold")
