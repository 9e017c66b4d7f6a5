"""When Stripe was asked, what needs attention, seats as chosen, how long calls are kept, who is choosing a number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ADDED = {
    "subscriptions": ("asked_at", "attention"),
    "organisations": ("seats_wanted", "call_log_days"),
    "number_orders": ("choosing_until",),
}
_ATTENTION = "attention IN ('invoice_not_finalized', 'invoice_to_pay', 'collection_paused')"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriptions", sa.Column("attention", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_subscriptions_attention"), "subscriptions", _ATTENTION)
    op.add_column("organisations", sa.Column("seats_wanted", sa.Integer(), nullable=True))
    op.add_column("organisations", sa.Column("call_log_days", sa.Integer(), nullable=True))
    op.add_column("number_orders", sa.Column("choosing_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table, columns in _ADDED.items():
        for column in columns:
            op.drop_column(table, column)
