"""What the call log is searched by, what happened in a call, and where a number is advertised."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_CALLS: dict[str, sa.types.TypeEngine[Any]] = {
    "line_label": sa.Text(),
    "line_purpose": sa.Text(),
    "source": sa.Text(),
    "prefix_key": sa.BigInteger(),
    "long_prefix_key": sa.BigInteger(),
    "suffix_key": sa.BigInteger(),
    "part_keys": ARRAY(sa.Integer()),
    "wait_s": sa.Integer(),
    "wait_band": sa.SmallInteger(),
    "length_s": sa.Integer(),
    "length_band": sa.SmallInteger(),
    "talk_s": sa.Integer(),
}
_SEARCHED: dict[str, tuple[str | None, str | None]] = {
    "ix_calls_number": ("number_id", None),
    "ix_calls_outcome": ("outcome", None),
    "ix_calls_direction": ("direction", None),
    "ix_calls_length": ("length_band", None),
    "ix_calls_wait": ("wait_band", None),
    "ix_calls_result": ("outcome_choice_id", "outcome_choice_id IS NOT NULL"),
    "ix_calls_follow_up": (None, "follow_up"),
    "ix_calls_source": ("source", "source IS NOT NULL"),
    "ix_calls_prefix": ("prefix_key", "prefix_key IS NOT NULL"),
    "ix_calls_long_prefix": ("long_prefix_key", "long_prefix_key IS NOT NULL"),
    "ix_calls_suffix": ("suffix_key", "suffix_key IS NOT NULL"),
}
_KINDS = "kind IN ('held', 'resumed', 'transfer', 'transferred', 'transfer_failed', 'watched', 'words')"
_TO_FILL = "(customer_hash IS NOT NULL AND suffix_key IS NULL) OR (outcome IS NOT NULL AND wait_s IS NULL)"


def upgrade() -> None:
    for name, kind in _CALLS.items():
        op.add_column("calls", sa.Column(name, kind, nullable=True))
    op.add_column("calls", sa.Column("held_s", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("purpose", "source"):
        op.add_column("numbers", sa.Column(name, sa.Text(), server_default="", nullable=False))
    newest = (sa.text("started_at DESC"), sa.text("id DESC"))
    for name, (column, where) in _SEARCHED.items():
        columns: list[str | sa.TextClause] = ["organisation_id", *([column] if column else []), *newest]
        op.create_index(name, "calls", columns, postgresql_where=None if where is None else sa.text(where))
    for name, column in (("ix_calls_longest", "length_s"), ("ix_calls_waited", "wait_s")):
        seconds = [sa.text(f"{column} DESC"), sa.text("id DESC")]
        op.create_index(
            name, "calls", ["organisation_id", *seconds], postgresql_where=sa.text(f"{column} IS NOT NULL")
        )
    op.create_index("ix_calls_to_fill", "calls", ["id"], postgresql_where=sa.text(_TO_FILL))
    op.drop_index("ix_calls_missed", "calls")  # ix_calls_outcome finds the same
    _tags()
    _moments()


def _tags() -> None:
    op.add_column("call_tags", sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE call_tags SET started_at = calls.started_at FROM calls WHERE calls.id = call_tags.call_id")
    newest = [sa.text("started_at DESC"), sa.text("call_id DESC")]
    op.create_index("ix_call_tags_calls", "call_tags", ["organisation_id", "choice_id", *newest])
    empty = sa.text("started_at IS NULL")
    op.create_index("ix_call_tags_to_fill", "call_tags", ["call_id"], postgresql_where=empty)


def _moments() -> None:
    op.create_table(
        "call_moments",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_call_moments_kind")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["calls.organisation_id", "calls.id"],
            name=op.f("fk_call_moments_organisation_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "member_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_call_moments_organisation_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_call_moments_organisation_id")
        ),
        sa.PrimaryKeyConstraint("call_id", "at", "kind", name=op.f("pk_call_moments")),
    )


def downgrade() -> None:
    op.drop_table("call_moments")
    op.drop_index("ix_call_tags_to_fill", "call_tags")
    op.drop_index("ix_call_tags_calls", "call_tags")
    op.drop_column("call_tags", "started_at")
    newest = [sa.text("started_at DESC")]
    op.create_index(
        "ix_calls_missed", "calls", ["organisation_id", *newest], postgresql_where=sa.text("outcome = 'missed'")
    )
    for name in (*_SEARCHED, "ix_calls_longest", "ix_calls_waited", "ix_calls_to_fill"):
        op.drop_index(name, "calls")
    for name in ("source", "purpose"):
        op.drop_column("numbers", name)
    for name in ("held_s", *_CALLS):
        op.drop_column("calls", name)
