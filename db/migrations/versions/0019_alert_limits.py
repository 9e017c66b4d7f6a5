"""When the supervisors' wall raises an alert: limits in seconds; null: never."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DEFAULTS = {"call": 1800, "hold": 120, "late_words": 10, "silence": 60, "waiting": 60}


def upgrade() -> None:
    for kind, seconds in DEFAULTS.items():
        column = sa.Column(f"alert_{kind}", sa.Integer(), server_default=sa.text(str(seconds)), nullable=True)
        op.add_column("organisations", column)


def downgrade() -> None:
    for kind in reversed(DEFAULTS):
        op.drop_column("organisations", f"alert_{kind}")
