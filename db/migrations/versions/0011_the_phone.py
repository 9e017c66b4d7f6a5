"""The phone: conferences, offers, presence, groups, ringing plans, wrap-up, contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "choices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('break', 'outcome', 'tag')", name=op.f("ck_choices_kind")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_choices_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choices")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_choices_organisation_id_id")),
    )
    op.create_index("ix_choices_organisation_id", "choices", ["organisation_id", "kind", "position"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_contacts_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_contacts_organisation_id_id")),
        sa.UniqueConstraint("organisation_id", "number_hash", name=op.f("uq_contacts_organisation_id_number_hash")),
    )
    op.create_table(
        "member_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_member_groups_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_groups")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_member_groups_organisation_id_id")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "group_id"],
            ["member_groups.organisation_id", "member_groups.id"],
            name=op.f("fk_group_members_organisation_id_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "member_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_group_members_organisation_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_group_members_organisation_id")
        ),
        sa.PrimaryKeyConstraint("group_id", "member_id", name=op.f("pk_group_members")),
    )
    op.create_table(
        "presence",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("chosen", sa.Text(), server_default="offline", nullable=False),
        sa.Column("break_reason_id", sa.Uuid(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("idle_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("console", sa.Text(), nullable=True),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("microphone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wrap_up_call_id", sa.Uuid(), nullable=True),
        sa.Column("wrap_up_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("chosen IN ('available', 'break', 'offline')", name=op.f("ck_presence_chosen")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "break_reason_id"],
            ["choices.organisation_id", "choices.id"],
            name=op.f("fk_presence_organisation_id_break_reason_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "member_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_presence_organisation_id_member_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_presence_organisation_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_presence")),
    )
    op.create_index("ix_presence_organisation_id", "presence", ["organisation_id"], unique=False)
    op.create_table(
        "ringing_plans",
        sa.Column("number_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("ring_seconds", sa.Integer(), nullable=False),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.Column("offers_callback", sa.Boolean(), nullable=False),
        sa.Column("asks_consent", sa.Boolean(), nullable=False),
        sa.CheckConstraint("strategy IN ('longest_idle', 'all', 'fixed')", name=op.f("ck_ringing_plans_strategy")),
        sa.CheckConstraint("waiting IN ('ringing', 'music', 'position')", name=op.f("ck_ringing_plans_waiting")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["numbers.organisation_id", "numbers.id"],
            name=op.f("fk_ringing_plans_organisation_id_number_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_ringing_plans_organisation_id")
        ),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_ringing_plans")),
        sa.UniqueConstraint("organisation_id", "number_id", name=op.f("uq_ringing_plans_organisation_id_number_id")),
    )
    op.create_table(
        "call_tags",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("choice_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_call_tags_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "choice_id"],
            ["choices.organisation_id", "choices.id"],
            name=op.f("fk_call_tags_organisation_id_choice_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_call_tags_organisation_id")),
        sa.PrimaryKeyConstraint("call_id", "choice_id", name=op.f("pk_call_tags")),
    )
    op.create_table(
        "conferences",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("conference_sid", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("wakes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_conferences_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_conferences_organisation_id")
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_conferences")),
        sa.UniqueConstraint("conference_sid", name=op.f("uq_conferences_conference_sid")),
    )
    op.create_index(
        "ix_conferences_live",
        "conferences",
        ["organisation_id"],
        unique=False,
        postgresql_where=sa.text("phase <> 'over'"),
    )
    op.create_index(
        "ix_conferences_wakes_at",
        "conferences",
        ["wakes_at"],
        unique=False,
        postgresql_where=sa.text("wakes_at IS NOT NULL"),
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "result IN ('claimed', 'taken', 'declined', 'timeout', 'withdrawn')", name=op.f("ck_offers_result")
        ),
        sa.CheckConstraint("kind IN ('call', 'transfer', 'consult')", name=op.f("ck_offers_kind")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_offers_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "member_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_offers_organisation_id_member_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_offers_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index("ix_offers_call_id", "offers", ["call_id"], unique=False)
    op.create_index(
        "ix_offers_open", "offers", ["organisation_id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "uq_offers_open",
        "offers",
        ["call_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "ringing_plan_groups",
        sa.Column("number_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "group_id"],
            ["member_groups.organisation_id", "member_groups.id"],
            name=op.f("fk_ringing_plan_groups_organisation_id_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["ringing_plans.organisation_id", "ringing_plans.number_id"],
            name=op.f("fk_ringing_plan_groups_organisation_id_number_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_ringing_plan_groups_organisation_id")
        ),
        sa.PrimaryKeyConstraint("number_id", "group_id", name=op.f("pk_ringing_plan_groups")),
    )
    op.add_column("calls", sa.Column("callback_requested_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("consent_declined_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("outcome_choice_id", sa.Uuid(), nullable=True))
    op.add_column("calls", sa.Column("follow_up", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("note", sa.LargeBinary(), nullable=True))
    op.add_column("calls", sa.Column("wrapped_up_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_calls_organisation_id_outcome_choice_id"),
        "calls",
        "choices",
        ["organisation_id", "outcome_choice_id"],
        ["organisation_id", "id"],
    )
    op.add_column("legs", sa.Column("role", sa.Text(), nullable=True))
    op.add_column("legs", sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("legs", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "organisations", sa.Column("wrap_up_seconds", sa.Integer(), server_default=sa.text("30"), nullable=False)
    )
    op.add_column(
        "organisations", sa.Column("notes_on", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "organisations",
        sa.Column("notification_numbers", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_check_constraint(op.f("ck_legs_role"), "legs", "role IN ('customer', 'agent', 'outside', 'supervisor')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_legs_role"), "legs")

    op.drop_column("organisations", "notification_numbers")
    op.drop_column("organisations", "notes_on")
    op.drop_column("organisations", "wrap_up_seconds")
    op.drop_column("legs", "left_at")
    op.drop_column("legs", "joined_at")
    op.drop_column("legs", "role")
    op.drop_constraint(op.f("fk_calls_organisation_id_outcome_choice_id"), "calls", type_="foreignkey")
    op.drop_column("calls", "wrapped_up_at")
    op.drop_column("calls", "note")
    op.drop_column("calls", "follow_up")
    op.drop_column("calls", "outcome_choice_id")
    op.drop_column("calls", "consent_declined_at")
    op.drop_column("calls", "callback_requested_at")
    op.drop_table("ringing_plan_groups")
    op.drop_index("uq_offers_open", table_name="offers", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_offers_open", table_name="offers", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_offers_call_id", table_name="offers")
    op.drop_table("offers")
    op.drop_index(
        "ix_conferences_wakes_at", table_name="conferences", postgresql_where=sa.text("wakes_at IS NOT NULL")
    )
    op.drop_index("ix_conferences_live", table_name="conferences", postgresql_where=sa.text("phase <> 'over'"))
    op.drop_table("conferences")
    op.drop_table("call_tags")
    op.drop_table("ringing_plans")
    op.drop_index("ix_presence_organisation_id", table_name="presence")
    op.drop_table("presence")
    op.drop_table("group_members")
    op.drop_table("member_groups")
    op.drop_table("contacts")
    op.drop_index("ix_choices_organisation_id", table_name="choices")
    op.drop_table("choices")
