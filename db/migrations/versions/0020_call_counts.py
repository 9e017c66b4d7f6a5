"""How many calls each day had, counted in advance, and which days must be counted again.

The database itself notes a call that changed, in the transaction that changes it: so nothing is missed, whichever
release changes it and in whatever way.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COUNTS = (
    *("inbound", "answered", "overflowed", "missed"),
    *("caller_left", "nobody_answered", "declined", "nobody_available", "outside_hours"),
    *("outbound", "reached", "unanswered", "busy", "failed"),
)
_SECONDS = ("answer_wait_s", "missed_wait_s", "length_s", "talk_s", "held_s")
_LONGEST = ("longest_wait_s", "longest_s")
_BANDS = ("wait_bands", "length_bands")
_COUNTED = (
    *("organisation_id", "started_at", "direction", "outcome", "reason", "agent_id", "number_id"),
    *("wait_s", "wait_band", "length_s", "length_band", "talk_s", "held_s"),
)
"""Of a call: what its count depends on."""
_FUNCTION = "CREATE FUNCTION {} () RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NULL; END $$"
_BODIES = {
    # A quarter of an hour lies within one day in every time zone.
    "recount_calls": """
        INSERT INTO recounts (organisation_id, at)
        SELECT DISTINCT organisation_id, date_bin('15 minutes', started_at, TIMESTAMPTZ '2000-01-01 00:00Z')
        FROM changed;
    """,
    "recount_call": """
        INSERT INTO recounts (organisation_id, at) VALUES (NEW.organisation_id, NEW.started_at);
        IF (OLD.organisation_id, OLD.started_at) IS DISTINCT FROM (NEW.organisation_id, NEW.started_at) THEN
            INSERT INTO recounts (organisation_id, at) VALUES (OLD.organisation_id, OLD.started_at);
        END IF;
    """,
    "recount_everything": "INSERT INTO recounts (organisation_id) VALUES (NEW.id);",
}


def upgrade() -> None:
    _tables()
    for name, body in _BODIES.items():
        op.execute(_FUNCTION.format(name, body))
    old, new = (", ".join(f"{row}.{name}" for name in _COUNTED) for row in ("OLD", "NEW"))
    op.execute(
        "CREATE TRIGGER recount_inserted AFTER INSERT ON calls REFERENCING NEW TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION recount_calls()"
    )
    op.execute(
        "CREATE TRIGGER recount_deleted AFTER DELETE ON calls REFERENCING OLD TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION recount_calls()"
    )
    op.execute(
        "CREATE TRIGGER recount_updated AFTER UPDATE ON calls FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION recount_call()"
    )
    op.execute(
        "CREATE TRIGGER recount_zone AFTER UPDATE ON organisations FOR EACH ROW "
        "WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION recount_everything()"
    )
    op.execute("INSERT INTO recounts (organisation_id) SELECT id FROM organisations")


def _tables() -> None:
    op.create_table(
        "call_counts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=True),
        sa.Column("number_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SECONDS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _LONGEST),
        *(sa.Column(name, ARRAY(sa.Integer()), nullable=False) for name in _BANDS),
        sa.CheckConstraint("split IN ('hour', 'line', 'agent')", name=op.f("ck_call_counts_split")),
        *(_belongs("call_counts", *each) for each in (("number_id", "numbers"), ("agent_id", "members"))),
        _of_organisation("call_counts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_counts")),
    )
    op.create_index(
        "uq_call_counts_day",
        "call_counts",
        ["organisation_id", "split", "day", "hour", "number_id", "agent_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "recounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _of_organisation("recounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recounts")),
    )
    op.create_index("ix_recounts_organisation", "recounts", ["organisation_id", "id"])


def _of_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisations.id"], name=op.f(f"fk_{table}_organisation_id"), ondelete="CASCADE"
    )


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{other}.organisation_id", f"{other}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
        ondelete="CASCADE",
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER recount_zone ON organisations")
    for name in ("updated", "deleted", "inserted"):
        op.execute(f"DROP TRIGGER recount_{name} ON calls")
    for name in _BODIES:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("recounts")
    op.drop_table("call_counts")
