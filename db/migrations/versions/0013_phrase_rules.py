"""Phrase rules, and where they fired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phrase_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("definition", sa.LargeBinary(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_phrase_rules_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phrase_rules")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_phrase_rules_organisation_id_id")),
    )
    op.create_index("ix_phrase_rules_organisation_id", "phrase_rules", ["organisation_id"])
    op.create_table(
        "phrase_hits",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("speaker", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_phrase_hits_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "rule_id"],
            ["phrase_rules.organisation_id", "phrase_rules.id"],
            name=op.f("fk_phrase_hits_organisation_id_rule_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_phrase_hits_organisation_id")
        ),
        sa.PrimaryKeyConstraint("call_id", "rule_id", "at", name=op.f("pk_phrase_hits")),
    )
    op.create_index("ix_phrase_hits_rule_id", "phrase_hits", ["organisation_id", "rule_id", sa.text("at DESC")])


def downgrade() -> None:
    op.drop_table("phrase_hits")
    op.drop_table("phrase_rules")
