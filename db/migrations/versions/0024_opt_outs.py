"""Who is not to be called or transcribed, and whose calls are refused.

The wider checks hold for rows to come. That all rows meet them is found out by `0029`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_OUTCOMES = ("answered", "missed", "unanswered", "busy", "failed")
_STATUSES = (
    *("queued", "initiated", "ringing", "in-progress", "lost", "canceled"),
    *("no-answer", "failed", "busy", "completed"),
)
_CHECKED = (
    ("calls", "status", _STATUSES),
    ("calls", "dial_status", _STATUSES),
    ("legs", "status", _STATUSES),
    ("calls", "outcome", _OUTCOMES),
)


def upgrade() -> None:
    for column in ("do_not_call", "do_not_transcribe"):
        op.add_column("contacts", sa.Column(column, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("calls", sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True))
    for table, column, known in _CHECKED:
        _check(table, column, (*known, "blocked"), not_valid=True)
    op.create_table(
        "blocked_numbers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("blocked_by", sa.Uuid(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_blocked_numbers_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "blocked_by"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_blocked_numbers_organisation_id_blocked_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_numbers")),
        sa.UniqueConstraint(
            "organisation_id", "number_hash", name=op.f("uq_blocked_numbers_organisation_id_number_hash")
        ),
    )


def downgrade() -> None:
    op.drop_table("blocked_numbers")
    op.execute("UPDATE calls SET outcome = 'missed' WHERE outcome = 'blocked'")
    op.execute("UPDATE calls SET status = 'lost' WHERE status = 'blocked'")
    for table, column, known in _CHECKED:
        _check(table, column, known)
    op.drop_column("calls", "opted_out_at")
    for column in ("do_not_transcribe", "do_not_call"):
        op.drop_column("contacts", column)


def _check(table: str, column: str, values: tuple[str, ...], *, not_valid: bool = False) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(
        name, table, f"{column} IN ({', '.join(map(repr, values))})", postgresql_not_valid=not_valid
    )
