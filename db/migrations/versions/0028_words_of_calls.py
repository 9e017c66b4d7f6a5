"""What callers of a number hear first; what is missing in a call's words, and how late they were.

Columns with a constant default or none: no row is rewritten. Their indexes are built by `0029`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("number_hearings", sa.Column("prompt", sa.Text(), nullable=True))
    for name in ("gaps", "gaps_ms"):
        op.add_column("calls", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("delay_ms", "longest_delay_ms"):
        op.add_column("calls", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("longest_delay_ms", "delay_ms", "gaps_ms", "gaps"):
        op.drop_column("calls", name)
    op.drop_column("number_hearings", "prompt")
