"""Second factors and their recovery codes; organisations' identity providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ROLES = "'owner', 'admin', 'supervisor', 'agent'"


def upgrade() -> None:
    required: sa.Column[bool] = sa.Column(
        "second_factor_required", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )
    op.add_column("organisations", required)
    op.create_table(
        "second_factors",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        *_of_member("second_factors"),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        *_of_member("recovery_codes"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_member_id", "recovery_codes", ["member_id"])
    op.create_table(
        "identity_providers",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("domains", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("role_claim", sa.Text(), nullable=False),
        sa.Column("role_values", postgresql.JSONB(), nullable=False),
        sa.Column("other_role", sa.Text(), nullable=True),
        sa.Column("is_enforced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(f"other_role IN ({ROLES})", name=op.f("ck_identity_providers_other_role")),
        _organisation("identity_providers"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_identity_providers")),
    )
    op.create_table(
        "identity_requests",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _organisation("identity_requests"),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_identity_requests")),
    )
    op.create_index(op.f("ix_identity_requests_expires_at"), "identity_requests", ["expires_at"])


def downgrade() -> None:
    for table in ("identity_requests", "identity_providers", "recovery_codes", "second_factors"):
        op.drop_table(table)
    op.drop_column("organisations", "second_factor_required")


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id")


def _of_member(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    member = sa.ForeignKeyConstraint(
        ["organisation_id", "member_id"],
        ["members.organisation_id", "members.id"],
        name=f"fk_{table}_organisation_id_member_id",
    )
    return _organisation(table), member
