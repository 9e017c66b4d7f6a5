"""Organisations, their members and numbers, sign-in, and the call log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CALL_STATUSES = (
    "'queued', 'initiated', 'ringing', 'in-progress', 'lost', 'canceled', 'no-answer', 'failed', 'busy', 'completed'"
)


def upgrade() -> None:
    _organisations()
    _rate_limits()
    _sign_outs()
    _members()
    _numbers()
    _calls()
    _sign_in_links()
    _legs()


def downgrade() -> None:
    for table in (
        "legs",
        "calls",
        "sign_in_links",
        "numbers",
        "members",
        "sign_outs",
        "rate_limits",
        "organisations",
    ):
        op.drop_table(table)


def _organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("consent_prompt", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'cancelled')",
            name=op.f("ck_organisations_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )


def _rate_limits() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window_start", name=op.f("pk_rate_limits")),
    )
    op.create_index(op.f("ix_rate_limits_expires_at"), "rate_limits", ["expires_at"], unique=False)


def _sign_outs() -> None:
    op.create_table(
        "sign_outs",
        sa.Column("sign_in_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_id", name=op.f("pk_sign_outs")),
    )
    op.create_index(op.f("ix_sign_outs_expires_at"), "sign_outs", ["expires_at"], unique=False)


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('owner', 'admin', 'supervisor', 'agent')", name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_members_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_members_organisation_id_id")),
    )
    op.create_index(
        "uq_members_email_hash",
        "members",
        ["email_hash"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("e164", sa.LargeBinary(), nullable=False),
        sa.Column("e164_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("twilio_sid", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_numbers_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numbers")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_numbers_organisation_id_id")),
        sa.UniqueConstraint("twilio_sid", name=op.f("uq_numbers_twilio_sid")),
    )
    op.create_index(
        "uq_numbers_e164_hash", "numbers", ["e164_hash"], unique=True, postgresql_where=sa.text("released_at IS NULL")
    )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("from_number", sa.LargeBinary(), nullable=False),
        sa.Column("to_number", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("number_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dial_status", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("transcription", sa.Text(), nullable=True),
        sa.Column("transcription_reason", sa.Text(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"dial_status IN ({_CALL_STATUSES})", name=op.f("ck_calls_dial_status")),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_calls_direction")),
        sa.CheckConstraint(
            "outcome IN ('answered', 'missed', 'unanswered', 'busy', 'failed')", name=op.f("ck_calls_outcome")
        ),
        sa.CheckConstraint(f"status IN ({_CALL_STATUSES})", name=op.f("ck_calls_status")),
        sa.CheckConstraint(
            "transcription IN ('transcribing', 'waiting_for_slot', 'reconnecting', 'silent', 'failed', 'ended')",
            name=op.f("ck_calls_transcription"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "agent_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_calls_organisation_id_agent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["numbers.organisation_id", "numbers.id"],
            name=op.f("fk_calls_organisation_id_number_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_calls_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("call_sid", name=op.f("uq_calls_call_sid")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_calls_organisation_id_id")),
    )
    op.create_index(
        "ix_calls_agent",
        "calls",
        ["organisation_id", "agent_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_calls_log",
        "calls",
        ["organisation_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("ix_calls_open", "calls", ["heard_at"], unique=False, postgresql_where=sa.text("outcome IS NULL"))


def _sign_in_links() -> None:
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("requested_from", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_sign_in_links_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index(op.f("ix_sign_in_links_expires_at"), "sign_in_links", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sign_in_links_member_id"), "sign_in_links", ["member_id"], unique=False)


def _legs() -> None:
    op.create_table(
        "legs",
        sa.Column("leg_sid", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"status IN ({_CALL_STATUSES})", name=op.f("ck_legs_status")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_legs_organisation_id_call_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "member_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_legs_organisation_id_member_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_legs_organisation_id")),
        sa.PrimaryKeyConstraint("leg_sid", name=op.f("pk_legs")),
    )
    op.create_index("ix_legs_call_id", "legs", ["call_id"], unique=False)
