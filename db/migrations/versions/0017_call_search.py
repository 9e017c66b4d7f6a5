"""What the call log is searched by, what happened in a call, and where a number is advertised.

What older calls and tags lack of it is added once provisioning runs, in batches; the indexes are built by `0029`.
"""

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
_KINDS = "kind IN ('held', 'resumed', 'transfer', 'transferred', 'transfer_failed', 'watched', 'words')"


def upgrade() -> None:
    for name, kind in _CALLS.items():
        op.add_column("calls", sa.Column(name, kind, nullable=True))
    op.add_column("calls", sa.Column("held_s", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("purpose", "source"):
        op.add_column("numbers", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("call_tags", sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
    _moments()


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
    op.drop_column("call_tags", "started_at")
    for name in ("source", "purpose"):
        op.drop_column("numbers", name)
    for name in ("held_s", *_CALLS):
        op.drop_column("calls", name)
