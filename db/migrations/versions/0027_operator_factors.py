"""Second factors of operators, and their recovery codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator_factors",
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        _of_operator("operator_factors"),
        sa.PrimaryKeyConstraint("operator_id", name=op.f("pk_operator_factors")),
    )
    op.create_table(
        "operator_recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        _of_operator("operator_recovery_codes"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_operator_recovery_codes")),
    )
    op.create_index(op.f("ix_operator_recovery_codes_operator_id"), "operator_recovery_codes", ["operator_id"])


def downgrade() -> None:
    op.drop_table("operator_recovery_codes")
    op.drop_table("operator_factors")


def _of_operator(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f(f"fk_{table}_operator_id"))
