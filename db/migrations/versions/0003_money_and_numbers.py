"""Subscriptions, Stripe's events, orders of numbers, their papers, notices, and an audit log that only grows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDED = ("legal_name", "abn", "street", "locality", "region", "postcode")
_STATUSES = ("incomplete", "trialing", "active", "past_due", "paused", "unpaid", "cancelled")
_SUBSCRIPTION = ("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
_ORDER = (
    *("held", "paid", "chosen", "bought", "configured", "routed"),
    *("assigned", "done", "failed", "releasing", "released"),
)
_BUNDLE = ("draft", "pending-review", "in-review", "twilio-rejected", "twilio-approved", "provisionally-approved")

# Also for the owner of the table, whom grants do not bind. `db.rotate` says that it is rotating, and may then
# change nothing but the ciphertexts.
_APPEND_ONLY = """
CREATE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('bilby.rotating', true) = 'on'
        AND (OLD.id, OLD.organisation_id, OLD.at, OLD.actor_id, OLD.action, OLD.from_hash)
            IS NOT DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.at, NEW.actor_id, NEW.action, NEW.from_hash)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("organisations", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column("numbers", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_organisations_status"), "organisations", type_="check")
    op.create_check_constraint(op.f("ck_organisations_status"), "organisations", _in("status", _STATUSES))
    _subscriptions()
    _stripe_events()
    _number_orders()
    _bundles()
    _audit_entries()
    _notices()


def downgrade() -> None:
    for table in ("notices", "audit_entries", "bundles", "number_orders", "stripe_events", "subscriptions"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_entries_append_only")
    op.execute("UPDATE organisations SET status = 'unpaid' WHERE status = 'paused'")
    op.drop_constraint(op.f("ck_organisations_status"), "organisations", type_="check")
    before = tuple(status for status in _STATUSES if status != "paused")
    op.create_check_constraint(op.f("ck_organisations_status"), "organisations", _in("status", before))
    op.drop_column("numbers", "verified_at")
    for name in _ADDED:
        op.drop_column("organisations", name)


def _in(column: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"{column} IN ({listed})"


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _tenant(table: str, *, nullable: bool = False) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    return (
        sa.Column("organisation_id", sa.Uuid(), nullable=nullable),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f(f"fk_{table}_organisation_id")),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        *_tenant("subscriptions"),
        sa.Column("stripe_customer_id", sa.Text(), nullable=True),
        sa.Column("stripe_subscription_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("seats", sa.Integer(), nullable=False),
        _at("current_period_end"),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        _at("paid_at"),
        _at("past_due_since"),
        _at("ended_at"),
        _at("release_after"),
        _at("updated_at", nullable=False),
        sa.CheckConstraint(_in("status", _SUBSCRIPTION), name=op.f("ck_subscriptions_status")),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("stripe_customer_id", name=op.f("uq_subscriptions_stripe_customer_id")),
        sa.UniqueConstraint("stripe_subscription_id", name=op.f("uq_subscriptions_stripe_subscription_id")),
    )
    op.create_index(op.f("ix_subscriptions_release_after"), "subscriptions", ["release_after"])


def _stripe_events() -> None:
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        _at("received_at", nullable=False),
        *_tenant("stripe_events", nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            _in("state", ("received", "done", "ignored", "failed")), name=op.f("ck_stripe_events_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_events")),
    )
    op.create_index(op.f("ix_stripe_events_received_at"), "stripe_events", ["received_at"])
    op.create_index(
        "ix_stripe_events_organisation_id",
        "stripe_events",
        ["organisation_id", sa.literal_column("received_at DESC")],
    )


def _number_orders() -> None:
    op.create_table(
        "number_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_tenant("number_orders"),
        sa.Column("paid_by", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("candidate", sa.LargeBinary(), nullable=True),
        sa.Column("candidate_hash", sa.LargeBinary(), nullable=True),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        _at("held_until"),
        sa.Column("twilio_sid", sa.Text(), nullable=True),
        sa.Column("number_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error_sentence", sa.Text(), nullable=True),
        _at("next_try_at"),
        _at("created_at", nullable=False),
        _at("updated_at", nullable=False),
        sa.CheckConstraint(_in("state", _ORDER), name=op.f("ck_number_orders_state")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["numbers.organisation_id", "numbers.id"],
            name=op.f("fk_number_orders_organisation_id_number_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_orders")),
        sa.UniqueConstraint("paid_by", name=op.f("uq_number_orders_paid_by")),
    )
    op.create_index(
        "uq_number_orders_candidate_hash",
        "number_orders",
        ["candidate_hash"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('released', 'failed')"),
    )
    op.create_index(
        "ix_number_orders_organisation_id",
        "number_orders",
        ["organisation_id", sa.literal_column("created_at DESC")],
    )


def _bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_tenant("bundles"),
        sa.Column("bundle_sid", sa.Text(), nullable=True),
        sa.Column("address_sid", sa.Text(), nullable=True),
        sa.Column("end_user_sid", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=True),
        _at("created_at", nullable=False),
        _at("updated_at", nullable=False),
        sa.CheckConstraint(_in("status", _BUNDLE), name=op.f("ck_bundles_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundles")),
        sa.UniqueConstraint("bundle_sid", name=op.f("uq_bundles_bundle_sid")),
    )
    op.create_index(op.f("ix_bundles_organisation_id"), "bundles", ["organisation_id"])


def _audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_tenant("audit_entries"),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("from_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "actor_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_audit_entries_organisation_id_actor_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "ix_audit_entries_log",
        "audit_entries",
        ["organisation_id", sa.literal_column("at DESC"), sa.literal_column("id DESC")],
    )
    op.execute(_APPEND_ONLY)
    for name, what, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_entries_{name} BEFORE {what} ON audit_entries "
            f"FOR EACH {each} EXECUTE FUNCTION audit_entries_append_only()"
        )


def _notices() -> None:
    op.create_table(
        "notices",
        *_tenant("notices"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        _at("sent_at", nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "kind", "about", name=op.f("pk_notices")),
    )
