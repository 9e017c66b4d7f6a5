"""When a number is open and what its callers get then; why a call was missed, and who calls back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REASON = "reason IN ('caller_left', 'nobody_answered', 'declined', 'nobody_available', 'outside_hours')"
_REGION = "region IN ('ACT', 'NSW', 'NT', 'QLD', 'SA', 'TAS', 'VIC', 'WA')"


def upgrade() -> None:
    op.create_table(
        "answering_plans",
        sa.Column("number_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("week", JSONB(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("own_days", JSONB(), nullable=False),
        sa.Column("closed_announcement", sa.Text(), nullable=True),
        sa.Column("closed_overflow", sa.LargeBinary(), nullable=True),
        sa.Column("unanswered_announcement", sa.Text(), nullable=True),
        sa.Column("unanswered_overflow", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_answering_plans")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_answering_plans_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["numbers.organisation_id", "numbers.id"],
            name=op.f("fk_answering_plans_organisation_id_number_id"),
        ),
        sa.CheckConstraint(_REGION, name=op.f("ck_answering_plans_region")),
    )
    op.add_column("members", sa.Column("missed_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("customer_hash", sa.LargeBinary(), nullable=True))
    op.add_column("calls", sa.Column("callback_by", sa.Uuid(), nullable=True))
    op.add_column("calls", sa.Column("callback_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_calls_reason"), "calls", _REASON)
    op.create_foreign_key(
        op.f("fk_calls_organisation_id_callback_by"),
        "calls",
        "members",
        ["organisation_id", "callback_by"],
        ["organisation_id", "id"],
    )
    newest = sa.text("started_at DESC")
    missed = sa.text("outcome = 'missed'")
    op.create_index("ix_calls_missed", "calls", ["organisation_id", newest], postgresql_where=missed)
    op.create_index("ix_calls_customer", "calls", ["organisation_id", "customer_hash", newest])


def downgrade() -> None:
    op.drop_index("ix_calls_customer", "calls")
    op.drop_index("ix_calls_missed", "calls")
    for column in ("callback_at", "callback_by", "customer_hash", "reason"):
        op.drop_column("calls", column)
    op.drop_column("members", "missed_seen_at")
    op.drop_table("answering_plans")
