"""Sentences that had to be said in a call, and were not heard in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsaid_phrases",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_unsaid_phrases_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "rule_id"],
            ["phrase_rules.organisation_id", "phrase_rules.id"],
            name=op.f("fk_unsaid_phrases_organisation_id_rule_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_unsaid_phrases_organisation_id")
        ),
        sa.PrimaryKeyConstraint("call_id", "rule_id", name=op.f("pk_unsaid_phrases")),
    )
    op.create_index("ix_unsaid_phrases_rule_id", "unsaid_phrases", ["organisation_id", "rule_id"])


def downgrade() -> None:
    op.drop_table("unsaid_phrases")
